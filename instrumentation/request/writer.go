package request

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/felixge/httpsnoop"
)

// Watcher learns what the writer of a framework does with a response: see [HTTP].
type Watcher struct{ answer *answer }

// Leaves is called before a header with the status leaves. It returns when what waits for
// the header is recorded. If it returns false, something else was written to Writer, and the
// response must be dropped: see [Withheld].
func (w Watcher) Leaves(status int) bool { return w.answer.leaves(status) }

// Flushes is called before the response is flushed, and after Leaves.
func (w Watcher) Flushes() { w.answer.flushes() }

// Hijack calls the function that gives the connection to the handler.
func (w Watcher) Hijack(next func() (net.Conn, *bufio.ReadWriter, error)) (net.Conn, *bufio.ReadWriter, error) {
	return w.answer.hijack(next)
}

// wrap returns the writer for the handler of h, which reports to a.
func (a *answer) wrap(h *HTTP) http.ResponseWriter {
	if h.Watch == nil {
		return a.watch(h.Writer)
	}
	a.below = h.flat(h.Writer)
	a.watched = h.Watch(h.Writer, Watcher{a})
	return a.watched
}

// watch returns a writer with the methods of w that reports to a what is written. It drops
// what a replacement was written for, and does nothing else.
func (a *answer) watch(w http.ResponseWriter) http.ResponseWriter {
	a.below = w
	server, isServer := w.(serverMethods)
	switch {
	case isPlain(w):
		a.watched = &writer{w, a}
	case isServer && !pushes(w):
		a.watched = &serverWriter{writer{w, a}, server}
	default:
		a.watched = a.watchOther(w)
	}
	return a.watched
}

// writer is a watched writer without optional methods.
type writer struct {
	http.ResponseWriter
	answer *answer
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader writes the header.
func (w *writer) WriteHeader(status int) {
	if w.answer.leaves(status) {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) Write(b []byte) (int, error) {
	if !w.answer.leaves(http.StatusOK) {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// serverWriter is a watched writer of net/http's server for HTTP/1.
type serverWriter struct {
	writer
	serverMethods
}

// serverMethods are the optional methods of that server's writers.
type serverMethods interface { //nolint:interfacebloat // what one type of net/http has
	io.StringWriter
	io.ReaderFrom
	http.Flusher
	http.Hijacker
	http.CloseNotifier //nolint:staticcheck // deprecated, but handlers may use it
	errorFlusher
	deadliner
	fullDuplexer
}

// The methods that http.ResponseController looks for.
type (
	errorFlusher interface{ FlushError() error }
	deadliner    interface {
		SetReadDeadline(deadline time.Time) error
		SetWriteDeadline(deadline time.Time) error
	}
	fullDuplexer interface{ EnableFullDuplex() error }
)

// WriteString writes s to the body.
func (w *serverWriter) WriteString(s string) (int, error) {
	if !w.answer.leaves(http.StatusOK) {
		return len(s), nil
	}
	return w.serverMethods.WriteString(s)
}

// ReadFrom writes what it reads from src to the body.
func (w *serverWriter) ReadFrom(src io.Reader) (int64, error) {
	return w.answer.readFrom(src, w.serverMethods.ReadFrom)
}

// Flush sends what was written so far.
func (w *serverWriter) Flush() {
	w.answer.flushes()
	w.serverMethods.Flush()
}

// FlushError is Flush with an error.
func (w *serverWriter) FlushError() error {
	w.answer.flushes()
	return w.serverMethods.FlushError()
}

// Hijack gives the connection to the handler.
func (w *serverWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.answer.hijack(w.serverMethods.Hijack)
}

// isPlain reports whether a writer has no optional method.
func isPlain(w http.ResponseWriter) bool {
	switch w.(type) {
	case io.StringWriter, io.ReaderFrom, http.Flusher, http.Hijacker, http.Pusher,
		http.CloseNotifier, //nolint:staticcheck // deprecated, but handlers may use it
		errorFlusher, deadliner, fullDuplexer:
		return false
	}
	return true
}

func pushes(w http.ResponseWriter) bool {
	_, ok := w.(http.Pusher)
	return ok
}

// watchOther is watch for writers with some optional methods, such as those of other
// middleware and of HTTP/2. It allocates several times for each of them.
func (a *answer) watchOther(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				if a.leaves(status) {
					next(status)
				}
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				if !a.leaves(http.StatusOK) {
					return len(b), nil
				}
				return next(b)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				if !a.leaves(http.StatusOK) {
					return len(s), nil
				}
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				if !a.leaves(http.StatusOK) {
					return io.Copy(io.Discard, src)
				}
				return next(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				a.flushes()
				next()
			}
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				a.flushes()
				return next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) { return a.hijack(next) }
		},
	})
}

// flushes is called before the response is flushed.
func (a *answer) flushes() {
	a.leaves(http.StatusOK)
	a.startStreams()
}

// hijack calls the function that gives the connection to the handler.
func (a *answer) hijack(next httpsnoop.HijackFunc) (net.Conn, *bufio.ReadWriter, error) {
	a.startStreams()
	conn, rw, err := next()
	if err == nil {
		a.mu.Lock()
		a.hijacked = true
		a.mu.Unlock()
	}
	return conn, rw, err
}

// IsTimed reports whether w belongs to an http.TimeoutHandler, which answers without waiting
// for its handler.
func IsTimed(w http.ResponseWriter) bool {
	for ; w != nil; w = unwrap(w) {
		if reflect.TypeOf(w) == timeoutWriter() {
			return true
		}
	}
	return false
}

// timeoutWriter returns the type of the writers of http.TimeoutHandler, which has no name
// outside of net/http.
var timeoutWriter = sync.OnceValue(func() (t reflect.Type) {
	h := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { t = reflect.TypeOf(w) }), time.Minute, "")
	h.ServeHTTP(discarder{}, &http.Request{})
	return t
})

// discarder is a writer of no response.
type discarder struct{}

func (discarder) Header() http.Header         { return http.Header{} }
func (discarder) Write(b []byte) (int, error) { return len(b), nil }
func (discarder) WriteHeader(int)             {}
