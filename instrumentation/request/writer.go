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

// watch returns a writer with the methods of w that reports to a what is written, and does
// nothing else.
func (a *answer) watch(w http.ResponseWriter) http.ResponseWriter {
	a.watched = httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				a.leaves(status)
				next(status)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				a.leaves(http.StatusOK)
				return next(b)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				a.leaves(http.StatusOK)
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				a.leaves(http.StatusOK)
				return next(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				a.leaves(http.StatusOK)
				a.startStreams()
				next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				a.startStreams()
				conn, rw, err := next()
				if err == nil {
					a.mu.Lock()
					a.hijacked = true
					a.mu.Unlock()
				}
				return conn, rw, err
			}
		},
	})
	return a.watched
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
