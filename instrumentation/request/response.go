package request

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/felixge/httpsnoop"
)

// response records the status of a response and keeps the optional interfaces of its
// writer.
type response struct {
	written atomic.Int32 // the final status; 0 until it is written
}

// status returns the status that was written or, if none was, the one that net/http
// writes by default. If the handler panicked, only a middleware that recovers can still
// answer, with 500.
func (r *response) status(panicked bool) int {
	switch status := int(r.written.Load()); {
	case status != 0:
		return status
	case panicked:
		return http.StatusInternalServerError
	default:
		return http.StatusOK
	}
}

// setStatus records the first final status.
func (r *response) setStatus(status int) { r.written.CompareAndSwap(0, int32(status)) }

// watch returns a writer that records the status written to w.
func (r *response) watch(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				next(status)
				if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
					r.setStatus(status) // the others are interim responses
				}
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				r.setStatus(http.StatusOK)
				return next(b)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				r.setStatus(http.StatusOK)
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				r.setStatus(http.StatusOK)
				return next(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				r.setStatus(http.StatusOK)
				next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, rw, err := next()
				if err == nil {
					r.setStatus(http.StatusSwitchingProtocols) // the handler writes the response itself
				}
				return conn, rw, err
			}
		},
	})
}
