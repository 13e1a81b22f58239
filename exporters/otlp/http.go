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

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	contentType = "application/x-protobuf"
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 1 << 20
)

// httpSender sends requests by POST.
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
		DisableCompression:  true, // answers are short
		MaxIdleConnsPerHost: c.concurrency,
		IdleConnTimeout:     90 * time.Second,
	}
	s := &httpSender{
		client: &http.Client{
			Transport: transport,
			// A server that moved is a mistake to be seen, and credentials are not for
			// whoever it names.
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

func (s *httpSender) send(ctx context.Context, request []byte) (answer, error) {
	body, err := s.compress(request)
	if err != nil {
		return answer{}, &ServerError{Reason: "the request cannot be compressed", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, stdbytes.NewReader(body))
	if err != nil {
		return answer{}, &ServerError{Reason: "the request cannot be made", Err: err}
	}
	post.Header = s.headers.Clone()
	response, err := s.client.Do(post)
	if err != nil {
		return answer{}, unanswered(err, sent.Load())
	}
	defer func() { _ = response.Body.Close() }() // it was read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, unanswered(err, true)
	case len(data) > maxAnswer:
		return answer{}, maybe(&ServerError{Status: response.StatusCode, Reason: "the answer is too long"})
	case response.StatusCode == http.StatusOK:
		return readAnswer(response, data)
	}
	return answer{}, refusal(response, data)
}

func (s *httpSender) compress(request []byte) ([]byte, error) {
	if s.compression != Gzip {
		return request, nil
	}
	w, _ := s.compressors.Get().(*gzip.Writer) // nothing else is in there
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

// unanswered is the error of a request whose answer did not come.
func unanswered(err error, sent bool) error {
	if !sent {
		return &ServerError{Reason: "the server cannot be reached", Err: err}
	}
	return maybe(&ServerError{Reason: "no answer came", Err: err})
}

// maybe says of an error that the server may have taken the records all the same.
func maybe(err error) error { return errors.Join(audit.ErrMaybeStored, err) }

// readAnswer reads what the server says with a success. What is no answer of OTLP comes
// from something else, such as a proxy, and is no success.
func readAnswer(response *http.Response, data []byte) (answer, error) {
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != contentType {
		return answer{}, maybe(&ServerError{Status: response.StatusCode, Reason: "the answer is not of the type " + contentType + "; is it an OTLP server?"})
	}
	var said collector.ExportLogsServiceResponse
	if err := proto.Unmarshal(data, &said); err != nil {
		return answer{}, maybe(&ServerError{Status: response.StatusCode, Reason: "the answer is none of OTLP; is it an OTLP server?"})
	}
	return partialSuccess(&said)
}

// partialSuccess returns what is in an answer of OTLP.
func partialSuccess(said *collector.ExportLogsServiceResponse) (answer, error) {
	partial := said.GetPartialSuccess()
	if partial.GetRejectedLogRecords() < 0 {
		return answer{}, maybe(&ServerError{Reason: "the server says that it rejected less than nothing", Message: partial.GetErrorMessage()})
	}
	return answer{rejected: partial.GetRejectedLogRecords(), message: partial.GetErrorMessage()}, nil
}

// refusal is the error of an answer that is no success. docs/otlp.md has it as a table.
func refusal(response *http.Response, data []byte) error {
	e := &ServerError{Status: response.StatusCode, Reason: "the server answered with an error"}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var said status.Status
	if media == contentType && proto.Unmarshal(data, &said) == nil {
		e.Message = said.GetMessage()
	}
	switch code := response.StatusCode; {
	case code == http.StatusBadRequest || code == http.StatusUnprocessableEntity:
		// A server of something else answers so too, one that wants TLS for example,
		// and must not make dead letters of all records.
		e.Reason, e.Refused = "the server does not take the request", media == contentType || media == "application/json"
	case code == http.StatusRequestEntityTooLarge:
		e.Reason, e.Refused = "the request is too large for the server", true
	case code/100 == 3:
		e.Reason = "the server redirects, which is not followed; set the endpoint to where it is"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Reason = "the server does not accept the credentials"
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		e.Reason = "there is no OTLP server at the endpoint's path"
	}
	err := export.RetryAfter(e, retryAfter(response.Header.Get("Retry-After"), time.Now()))
	if response.StatusCode/100 == 2 || response.StatusCode >= http.StatusInternalServerError {
		return maybe(err) // a proxy may answer in place of a server that took it
	}
	return err
}

// retryAfter reads a header that has seconds or a date (RFC 9110, section 10.2.3).
// What is neither asks for nothing.
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
