package auditgin

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// keptWriter is a gin.ResponseWriter for a handler whose answer is withheld. It does what
// gin's own does, above a writer that keeps what is written.
type keptWriter struct {
	below  gin.ResponseWriter  // gets the answer later
	held   http.ResponseWriter // keeps it meanwhile
	status int
	size   int  // notWritten before the header
	isSet  bool // a status was set, maybe the one that was set already
	isSent bool // the handler has ended, and below has its answer
}

// notWritten is gin's size of a response without a header.
const notWritten = -1

// errWritten has the text of gin's own error.
var errWritten = errors.New("gin: response body already written")

// keep returns the writer for a handler whose answer goes to below by held.
func keep(below gin.ResponseWriter, held http.ResponseWriter) *keptWriter {
	w := &keptWriter{below: below, held: held, status: below.Status(), size: notWritten}
	if below.Written() {
		w.size = below.Size()
	}
	return w
}

// sent is called when below has the answer of the handler, which has ended. From now on the
// writer is below.
func (w *keptWriter) sent() {
	w.passStatus()
	w.isSent = true
}

// passStatus gives below the status that waits for the first byte.
func (w *keptWriter) passStatus() {
	if w.isSet && !w.below.Written() {
		w.below.WriteHeader(w.status)
	}
}

// Unwrap is for http.ResponseController.
func (w *keptWriter) Unwrap() http.ResponseWriter {
	if w.isSent {
		return w.below
	}
	return w.held
}

// Header returns the header.
func (w *keptWriter) Header() http.Header { return w.below.Header() }

// Status returns the status.
func (w *keptWriter) Status() int {
	if w.isSent {
		return w.below.Status()
	}
	return w.status
}

// Size returns the number of bytes that were written to the body, or -1 before the header.
func (w *keptWriter) Size() int {
	if w.isSent {
		return w.below.Size()
	}
	return w.size
}

// Written reports whether the header was written.
func (w *keptWriter) Written() bool { return w.Size() != notWritten }

// WriteHeader sets the status.
func (w *keptWriter) WriteHeader(status int) {
	w.isSet = w.isSet || status > 0
	switch {
	case w.isSent:
		w.below.WriteHeader(status)
	case status > 0 && !w.Written():
		w.status = status
	}
}

// WriteHeaderNow writes the header.
func (w *keptWriter) WriteHeaderNow() {
	switch {
	case w.isSent:
		w.below.WriteHeaderNow()
	case !w.Written():
		w.size = 0
		w.held.WriteHeader(w.status)
	}
}

func (w *keptWriter) Write(b []byte) (int, error) {
	if w.isSent {
		return w.below.Write(b)
	}
	w.WriteHeaderNow()
	n, err := w.held.Write(b)
	w.size += n
	return n, err
}

// WriteString writes s to the body.
func (w *keptWriter) WriteString(s string) (int, error) {
	if w.isSent {
		return w.below.WriteString(s)
	}
	w.WriteHeaderNow()
	n, err := io.WriteString(w.held, s)
	w.size += n
	return n, err
}

// Flush sends what was written so far.
func (w *keptWriter) Flush() {
	if w.isSent {
		w.below.Flush()
		return
	}
	w.WriteHeaderNow()
	_ = http.NewResponseController(w.held).Flush()
}

// Hijack gives the connection to the handler.
func (w *keptWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	switch {
	case w.isSent:
		return w.below.Hijack()
	case w.size > 0:
		return nil, nil, errWritten
	}
	w.passStatus()
	w.size = max(w.size, 0)
	return http.NewResponseController(w.held).Hijack()
}

// CloseNotify returns a channel that gets a value when the client hangs up.
func (w *keptWriter) CloseNotify() <-chan bool { return w.below.CloseNotify() }

// Pusher returns the http.Pusher of the server, or nil.
func (w *keptWriter) Pusher() http.Pusher { return w.below.Pusher() }

// flat is a writer to a gin.ResponseWriter whose WriteHeader sends the header.
type flat struct{ below gin.ResponseWriter }

// Unwrap is for http.ResponseController.
func (w flat) Unwrap() http.ResponseWriter { return w.below }

// Header returns the header.
func (w flat) Header() http.Header { return w.below.Header() }

// WriteHeader sends the header.
func (w flat) WriteHeader(status int) {
	w.below.WriteHeader(status)
	w.below.WriteHeaderNow()
}

func (w flat) Write(b []byte) (int, error) { return w.below.Write(b) }

// WriteString writes s to the body.
func (w flat) WriteString(s string) (int, error) { return w.below.WriteString(s) }

// Flush sends what was written so far.
func (w flat) Flush() { w.below.Flush() }

// Hijack gives the connection to the handler.
func (w flat) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.below.Hijack() }
