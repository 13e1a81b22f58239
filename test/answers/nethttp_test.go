package answers_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type middleware = func(http.Handler) http.Handler

// httpService returns a service of net/http in a setup.
func httpService(o setup, tracker audit.Tracker, mw middleware, h http.Handler) http.Handler {
	if mw == nil {
		mw = func(h http.Handler) http.Handler { return h }
	}
	var opts []audithttp.IntentOption
	if o.withheld {
		opts = append(opts, audithttp.WithheldAnswer())
	}
	intent := func(h http.Handler) http.Handler { return audithttp.Intent(tracker, event, h, opts...) }
	scope := audithttp.Middleware(audithttp.WithDenials(tracker), audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(ignore))
	switch o.order {
	case intentOnly:
		return mw(intent(h))
	case scopeOnly:
		return mw(scope(h))
	case outside:
		return mw(scope(intent(h)))
	case between:
		return scope(mw(intent(h)))
	case inside:
		return scope(intent(mw(h)))
	case intentOutside:
		return intent(mw(h))
	case bare:
	}
	return mw(h)
}

// recovered answers a panic.
func recovered(n *notes) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				p := recover()
				n.add("recovered %v", p)
				if p == any(http.ErrAbortHandler) {
					panic(p)
				}
				if p != nil {
					http.Error(w, "sorry", 503)
				}
			}()
			h.ServeHTTP(w, r)
		})
	}
}

// mapped answers what the handler has left in the request.
func mapped(n *notes) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			n.add("pattern %q, value %q, form %d", r.Pattern, r.PathValue("id"), len(r.Form))
			http.Error(w, "conflict", 409)
		})
	}
}

// zipped compresses the response. Its writer hides the one below.
func zipped(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z := gzip.NewWriter(w)
		defer z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		h.ServeHTTP(zipWriter{w, z}, r)
	})
}

type zipWriter struct {
	http.ResponseWriter
	zip *gzip.Writer
}

func (w zipWriter) Write(b []byte) (int, error) { return w.zip.Write(b) }

// answeredKey is the key of a channel that is closed when a timeout has answered.
type answeredKey struct{}

// timeout returns only when the handler has returned too.
func timeout(d time.Duration) func(*notes) middleware {
	return func(*notes) middleware {
		return func(h http.Handler) http.Handler {
			done := make(chan struct{})
			timed := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				h.ServeHTTP(w, r)
			}), d, "too late")
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answered := make(chan struct{})
				timed.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), answeredKey{}, answered)))
				close(answered)
				<-done
			})
		}
	}
}

func plain(mw middleware) func(*notes) middleware { return func(*notes) middleware { return mw } }

type httpRow struct {
	name    string
	request string // get if empty
	mw      func(*notes) middleware
	handler func(n *notes, w http.ResponseWriter, r *http.Request)
	want    expectation
	only1   bool // HTTP/2 has nothing like it
}

var (
	succeeds = expectation{outcome: audit.OutcomeSuccess}
	fails    = expectation{outcome: audit.OutcomeFailure}
	streams  = expectation{outcome: audit.OutcomeSuccess, stream: true}
	// silent is what the records of a handler say that wrote nothing. The server's handler
	// is a test's, which ours does not know.
	silent = expectation{outcome: audit.OutcomeSuccess, none: orders}
)

// beforeOurs are the orders in which the row's middleware is outside of everything of ours.
var beforeOurs = []order{intentOnly, outside}

func httpRows(t *testing.T) []httpRow {
	file := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("0123456789"), 10_000), 0o600))
	require.NoError(t, os.Chtimes(file, time.Unix(1e9, 0), time.Unix(1e9, 0)))
	upstream := func(h http.HandlerFunc) func(*notes, http.ResponseWriter, *http.Request) {
		s := httptest.NewServer(h)
		s.Config.ErrorLog = quiet
		t.Cleanup(s.Close)
		target, err := url.Parse(s.URL)
		require.NoError(t, err)
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		proxy := &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: transport, ErrorLog: quiet,
		}
		return func(_ *notes, w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(w, r) }
	}
	write := func(n *notes, w http.ResponseWriter, text string) {
		size, err := io.WriteString(w, text)
		n.add("wrote %d, %v", size, err)
	}
	return []httpRow{
		{name: "a text", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) { write(n, w, "hello") }},
		{name: "bytes", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			size, err := w.Write([]byte("<html>"))
			n.add("wrote %d, %v", size, err)
			w.WriteHeader(500) // too late
		}},
		{name: "nothing", want: silent, handler: func(*notes, http.ResponseWriter, *http.Request) {}},
		{name: "a status without a body", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			write(n, w, "no body is allowed")
		}},
		{name: "an error", want: fails, handler: func(_ *notes, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 422) }},
		{name: "a denial", want: expectation{outcome: audit.OutcomeDenied}, handler: func(_ *notes, w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", 403)
		}},
		{name: "an answer to HEAD", request: strings.Replace(get, "GET", "HEAD", 1), want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			write(n, w, "hello")
		}},
		{name: "more than the declared length", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			write(n, w, "hello")
		}},
		{name: "less than the declared length", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			write(n, w, "hello")
		}},
		{name: "interim responses", want: expectation{outcome: audit.OutcomeSuccess}, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.Header().Del("Link")
			w.WriteHeader(201)
			write(n, w, "hello")
		}},
		{name: "trailers", want: streams, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Sum")
			write(n, w, "hello")
			n.add("%v", http.NewResponseController(w).Flush())
			w.Header().Set("Sum", "5")
			w.Header().Set(http.TrailerPrefix+"Late", "yes")
		}},
		{name: "a stream", want: streams, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
				w.(http.Flusher).Flush()
			}
		}},
		{name: "a flush before anything else", want: streams, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			n.add("%v", http.NewResponseController(w).Flush())
			w.WriteHeader(500) // too late
		}},
		{name: "a file", want: succeeds, handler: func(_ *notes, w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }},
		{name: "a part of a file", want: succeeds, request: strings.Replace(get, "Connection", "Range: bytes=10-19\r\nConnection", 1), handler: func(_ *notes, w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, file)
		}},
		{name: "a copy", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(file)
			if !assert.NoError(t, err) {
				return
			}
			defer f.Close()
			size, err := io.Copy(w, f)
			n.add("copied %d, %v", size, err)
			w.WriteHeader(500) // too late
		}},
		{name: "a copy of a broken source", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			size, err := io.Copy(w, io.MultiReader(strings.NewReader("hello"), broken{}))
			n.add("copied %d, %v", size, err)
		}},
		{name: "a copy of a source that is broken from the start", want: fails, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			size, err := io.Copy(w, broken{})
			n.add("copied %d, %v", size, err)
			http.Error(w, "no source", 502)
		}},
		{name: "a copy of nothing", want: fails, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			size, err := io.Copy(w, steps{strings.NewReader("")})
			n.add("copied %d, %v", size, err)
			http.Error(w, "nothing", 404)
		}},
		{name: "a copy of a part of a file", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(file)
			if !assert.NoError(t, err) {
				return
			}
			defer f.Close()
			w.Header().Set("Content-Length", "1700")
			for _, part := range []int64{600, 512, 511, 0, 77} { // the first is sniffed
				size, err := io.CopyN(w, f, part)
				n.add("copied %d, %v", size, err)
			}
		}},
		{name: "an answer in pieces", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				write(n, w, strings.Repeat("a", 700))
			}
			_, _ = w.Write(bytes.Repeat([]byte("b"), 10_000))
			write(n, w, strings.Repeat("c", 10_000))
			write(n, w, "")
		}},
		{name: "a large answer", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				write(n, w, strings.Repeat("a", 1_000))
			}
		}},
		{name: "a copy in pieces", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			for _, size := range []int{0, 1, 300, 511, 5_000, 40_000} {
				copied, err := io.Copy(w, steps{strings.NewReader(strings.Repeat("a", size))})
				n.add("copied %d, %v", copied, err)
			}
			write(n, w, "hello")
		}},
		{name: "a large copy in pieces", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			write(n, w, "hello")
			copied, err := io.Copy(w, steps{strings.NewReader(strings.Repeat("a", 100_000))})
			n.add("copied %d, %v", copied, err)
		}},
		{name: "a copy where no body is allowed", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			copied, err := io.Copy(w, steps{strings.NewReader("hello")})
			n.add("copied %d, %v", copied, err)
		}},
		{name: "trailers without a flush", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Sum")
			write(n, w, strings.Repeat("a", 3_000))
			w.Header().Set("Sum", "5")
			w.Header().Set(http.TrailerPrefix+"Late", "yes")
		}},
		{name: "a header that changes after the status", want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Early", "yes")
			w.Header().Set("Changed", "no")
			w.WriteHeader(201)
			w.Header().Del("Early")
			w.Header().Set("Changed", "yes")
			w.Header().Set("Late", "yes")
			write(n, w, "hello")
			n.add("%v", w.Header())
		}},
		{name: "a status that does not exist", want: fails, handler: func(_ *notes, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(99)
		}},
		{name: "a panic after a small answer", want: expectation{outcome: audit.OutcomeFailure, unseen: orders}, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			write(n, w, "hello")
			panic("no")
		}},
		{name: "optional methods", want: silent, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, pusher := w.(http.Pusher)
			_, notifier := w.(http.CloseNotifier) //nolint:staticcheck // applications have not forgotten it
			_, readerFrom := w.(io.ReaderFrom)
			_, stringWriter := w.(io.StringWriter)
			n.add("%v %v %v %v %v %v", flusher, hijacker, pusher, notifier, readerFrom, stringWriter)
			c := http.NewResponseController(w)
			n.add("%v", c.SetReadDeadline(time.Now().Add(time.Minute)))
			n.add("%v", c.SetWriteDeadline(time.Now().Add(time.Minute)))
			n.add("%v", c.EnableFullDuplex())
		}},
		{name: "an expired write deadline", want: expectation{outcome: audit.OutcomeSuccess, unseen: orders}, only1: true, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			write(n, w, "hello")
			n.add("%v", http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)))
		}},
		{name: "full duplex", request: post("ping"), want: streams, handler: func(n *notes, w http.ResponseWriter, r *http.Request) {
			n.add("%v", http.NewResponseController(w).EnableFullDuplex())
			write(n, w, "pong")
			n.add("%v", http.NewResponseController(w).Flush())
			b, err := io.ReadAll(r.Body)
			n.add("read %q, %v", b, err)
			write(n, w, string(b))
		}},
		{name: "a body that is not read", request: post(strings.Repeat("x", 1000)), want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			write(n, w, "hello")
		}},
		{name: "a client that waits before it sends", request: strings.Replace(post("ping"), "Connection", "Expect: 100-continue\r\nConnection", 1), only1: true, want: succeeds, handler: func(n *notes, w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			n.add("read %q, %v", b, err)
			write(n, w, "pong")
		}},
		{name: "a hijacked connection", only1: true, want: expectation{outcome: audit.OutcomeSuccess, stream: true, none: orders}, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			n.add("%T %T %v", conn, rw, err)
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nhello")
			n.add("%v", rw.Flush())
			size, err := w.Write([]byte("no more"))
			n.add("%d %v", size, err)
		}},
		{name: "a switched protocol", only1: true, want: streams, request: strings.Replace(get, "Connection: close", "Connection: Upgrade\r\nUpgrade: echo", 1), handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(101)
			conn, rw, err := w.(http.Hijacker).Hijack()
			n.add("%v", err)
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("hello")
			n.add("%v", rw.Flush())
		}},
		{name: "a panic", want: fails, handler: func(*notes, http.ResponseWriter, *http.Request) { panic("no") }},
		{name: "an abort", want: fails, handler: func(*notes, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "a panic in the middle of the response", want: expectation{outcome: audit.OutcomeFailure, stream: true}, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			write(n, w, "hel")
			n.add("%v", http.NewResponseController(w).Flush())
			panic("no")
		}},
		{name: "a panic that a middleware answers", mw: recovered, want: expectation{outcome: audit.OutcomeFailure, none: beforeOurs}, handler: func(*notes, http.ResponseWriter, *http.Request) {
			panic(errors.New("no"))
		}},
		{name: "an abort that a middleware lets through", mw: recovered, want: fails, handler: func(*notes, http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}},
		{
			name: "a request that a middleware answers for the handler", mw: mapped, request: strings.Replace(get, "/a", "/a?b=c", 1),
			want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{intentOnly: audit.OutcomeSuccess, outside: audit.OutcomeSuccess}, none: beforeOurs},
			handler: func(_ *notes, _ http.ResponseWriter, r *http.Request) {
				r.Pattern = "/{id}"
				r.SetPathValue("id", "a")
				_ = r.ParseForm()
			},
		},
		{name: "a proxy", want: succeeds, handler: upstream(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			w.WriteHeader(202)
			_, _ = io.WriteString(w, "ok")
		})},
		{name: "a proxy whose body is cut", want: fails, handler: upstream(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "not all")
			panic(http.ErrAbortHandler)
		})},
		{name: "a proxy whose server is down", want: fails, handler: upstream(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		{name: "a proxy of a stream", want: streams, handler: upstream(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
		})},
		{name: "compressed", mw: plain(zipped), want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) { write(n, w, "hello") }},
		{name: "in time", mw: timeout(time.Minute), want: succeeds, handler: func(n *notes, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			write(n, w, "hello")
		}},
		{
			name: "too late", mw: timeout(time.Millisecond),
			// The handler was done, and the client got something else.
			want: expectation{
				outcome: audit.OutcomeSuccess, none: []order{intentOnly, outside, between},
				outcomes: map[order]audit.Outcome{inside: audit.OutcomeFailure, intentOutside: audit.OutcomeFailure},
			},
			handler: func(n *notes, w http.ResponseWriter, r *http.Request) {
				<-r.Context().Value(answeredKey{}).(chan struct{})
				w.WriteHeader(201)
				write(n, w, "hello")
			},
		},
		{name: "a body within its limit", request: post("ping"), mw: plain(func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 4) }), want: succeeds, handler: func(n *notes, w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			n.add("read %q, %v", b, err)
			write(n, w, "pong")
		}},
		{name: "a body beyond its limit", request: post("ping"), mw: plain(func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 3) }), want: expectation{outcome: audit.OutcomeFailure, differs: []order{between, inside, intentOutside}}, handler: func(n *notes, w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			n.add("read %q, %v", b, err)
			http.Error(w, "too large", 413)
		}},
	}
}

// steps is a reader that returns little at a time and has no other method.
type steps struct{ r io.Reader }

func (s steps) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), 3_000)]) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestNetHTTP(t *testing.T) {
	t.Parallel()
	for _, row := range httpRows(t) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, row.exchange(httpService))
		})
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	for _, row := range httpRows(t) {
		if row.only1 {
			continue
		}
		row.want.differs = nil // HTTP/2 has no connection to close
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, row.exchange2(httpService))
		})
	}
}

// newService returns the service of a row in a setup.
type newService func(o setup, tracker audit.Tracker, mw middleware, h http.Handler) http.Handler

// exchange returns a function for compare that uses HTTP/1.
func (row *httpRow) exchange(service newService) serveFunc {
	return func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
		t.Helper()
		s := start(service(o, tracker, row.middleware(n), row.service(n)))
		defer s.Close()
		request := row.request
		if request == "" {
			request = get
		}
		return exchange(t, s, request)
	}
}

// exchange2 returns a function for compare that uses HTTP/2.
func (row *httpRow) exchange2(service newService) serveFunc {
	return func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
		t.Helper()
		s := start2(service(o, tracker, row.middleware(n), row.service(n)))
		defer s.Close()
		if row.request == "" {
			return exchange2(t, s, http.MethodGet, nil)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(row.request)))
		require.NoError(t, err)
		return exchange2(t, s, r.Method, r.Body)
	}
}

func (row *httpRow) middleware(n *notes) middleware {
	if row.mw == nil {
		return nil
	}
	return row.mw(n)
}

func (row *httpRow) service(n *notes) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { row.handler(n, w, r) })
}
