package otlp

import (
	stdbytes "bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit/export"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	contentType = "application/x-protobuf"
	// maxResponse is the most that is read of a response, in bytes.
	maxResponse = 1 << 20
)

// httpSender sends requests over HTTP.
type httpSender struct {
	client      *http.Client
	transport   *http.Transport
	url         string
	headers     http.Header
	compression Compression
	timeout     time.Duration
	compressors sync.Pool // of *gzip.Writer
}

func newHTTPSender(c *config) (sender, error) {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     c.tls,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // responses are short
		MaxIdleConnsPerHost: c.concurrency,
		IdleConnTimeout:     90 * time.Second,
	}
	s := &httpSender{
		client: &http.Client{
			Transport: transport,
			// Do not follow redirects: they would send credentials to another server, and
			// hide a wrong endpoint.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		transport:   transport,
		url:         c.endpoint.url.String(),
		headers:     http.Header{},
		compression: *c.compression,
		timeout:     *c.timeout,
	}
	for key, value := range c.headers {
		s.headers.Set(key, value)
	}
	s.headers.Set("Content-Type", contentType)
	s.headers.Set("User-Agent", userAgent)
	if s.compression == Gzip {
		s.headers.Set("Content-Encoding", string(Gzip))
	}
	return s, nil
}

func (s *httpSender) send(ctx context.Context, request []byte) (reply, error) {
	body, err := s.compress(request)
	if err != nil {
		return reply{}, &ServerError{Reason: "the request cannot be compressed", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, stdbytes.NewReader(body))
	if err != nil {
		return reply{}, &ServerError{Reason: "the request cannot be created", Err: err}
	}
	post.Header = s.headers.Clone()
	response, err := s.client.Do(post)
	if err != nil {
		return reply{}, connectionError(err, sent.Load())
	}
	defer func() { _ = response.Body.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	switch {
	case err != nil:
		return reply{}, connectionError(err, true)
	case len(data) > maxResponse:
		return reply{}, maybeStored(&ServerError{Status: response.StatusCode, Reason: "the response is too long"})
	case response.StatusCode == http.StatusOK:
		return parseReply(response, data)
	}
	return reply{}, responseError(response, data)
}

func (s *httpSender) compress(request []byte) ([]byte, error) {
	if s.compression != Gzip {
		return request, nil
	}
	w, _ := s.compressors.Get().(*gzip.Writer) // it holds nothing else
	if w == nil {
		w = gzip.NewWriter(nil)
	}
	defer s.compressors.Put(w)
	var body stdbytes.Buffer
	w.Reset(&body)
	_, err := w.Write(request)
	err = errors.Join(err, w.Close())
	return body.Bytes(), err
}

// connectionError returns the error of a request without a response.
func connectionError(err error, sent bool) error {
	if !sent {
		return &ServerError{Reason: "the server cannot be reached", Err: err}
	}
	return maybeStored(&ServerError{Reason: "the server did not respond", Err: err})
}

// parseReply parses the body of a success. A body that is not OTLP comes from something else,
// such as a proxy, and is an error.
func parseReply(response *http.Response, data []byte) (reply, error) {
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != contentType {
		return reply{}, maybeStored(&ServerError{Status: response.StatusCode, Reason: "the response is not of type " + contentType + "; is it an OTLP server?"})
	}
	var message collector.ExportLogsServiceResponse
	if err := proto.Unmarshal(data, &message); err != nil {
		return reply{}, maybeStored(&ServerError{Status: response.StatusCode, Reason: "the response is not an OTLP message; is it an OTLP server?"})
	}
	return partialSuccess(&message)
}

// responseError returns the error of a response that is not a success. docs/otlp.md has a
// table of the status codes.
func responseError(response *http.Response, data []byte) error {
	e := &ServerError{Status: response.StatusCode, Reason: "the server returned an error"}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var st status.Status
	if media == contentType && proto.Unmarshal(data, &st) == nil {
		e.Message = st.GetMessage()
	}
	switch code := response.StatusCode; {
	case code == http.StatusBadRequest || code == http.StatusUnprocessableEntity:
		// Other servers return these codes too, for example one that requires TLS. They must
		// not turn all records into dead letters.
		e.Reason, e.Rejected = "the server rejected the request", media == contentType || media == "application/json"
	case code == http.StatusRequestEntityTooLarge:
		e.Reason, e.Rejected = "the request is too large for the server", true
	case code/100 == 3:
		e.Reason = "the server redirects, which is not followed; set the endpoint to the new URL"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Reason = "the server rejected the credentials"
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		e.Reason = "no OTLP server at the path of the endpoint"
	}
	err := export.RetryAfter(e, retryAfter(response.Header.Get("Retry-After"), time.Now()))
	if response.StatusCode/100 == 2 || response.StatusCode >= http.StatusInternalServerError {
		return maybeStored(err) // a proxy may respond although the server accepted the request
	}
	return err
}

// retryAfter parses a Retry-After header: seconds or a date (RFC 9110, section 10.2.3). It
// returns zero if the header is invalid.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}

func (s *httpSender) close() error {
	s.transport.CloseIdleConnections()
	return nil
}

var userAgent = fmt.Sprintf("OpenDeed-Audit-OTLP-Go/%s", SchemaVersion)
