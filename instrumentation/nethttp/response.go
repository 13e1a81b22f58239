package audithttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/felixge/httpsnoop"
)

// response notes the status of a response, and leaves its writer's optional
// interfaces as they are.
type response struct {
	written atomic.Int32 // the final status, 0 before there is one
}

// status returns the status that was written or, where there was none, the one
// that net/http writes by itself. Nothing answers for a handler that panicked but
// a recovering middleware, with 500.
func (p *response) status(panicked bool) int {
	switch status := int(p.written.Load()); {
	case status != 0:
		return status
	case panicked:
		return http.StatusInternalServerError
	default:
		return http.StatusOK
	}
}

// write notes the first final status.
func (p *response) write(status int) { p.written.CompareAndSwap(0, int32(status)) }

// watch returns a writer that notes what is written to w.
func (p *response) watch(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				next(status)
				if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
					p.write(status) // others are hints ahead of the response
				}
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				p.write(http.StatusOK)
				return next(b)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				p.write(http.StatusOK)
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				p.write(http.StatusOK)
				return next(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				p.write(http.StatusOK)
				next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, rw, err := next()
				if err == nil {
					p.write(http.StatusSwitchingProtocols) // the handler answers by itself
				}
				return conn, rw, err
			}
		},
	})
}
