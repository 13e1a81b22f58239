package auditgin

import (
	"bufio"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit/instrumentation/request"
)

// writer is a gin.ResponseWriter that reports what is written, and does nothing else. gin's
// WriteHeader only sets the status, which leaves with the first byte.
type writer struct {
	gin.ResponseWriter
	watcher request.Watcher
	isSet   bool // a status was set, maybe the one that was set already
	interim bool // only an interim status has left
	dropped bool // something else was written instead
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sets the status.
func (w *writer) WriteHeader(status int) {
	w.isSet = w.isSet || status > 0
	w.ResponseWriter.WriteHeader(status)
}

// WriteHeaderNow writes the header.
func (w *writer) WriteHeaderNow() {
	if w.leaves() {
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *writer) Write(b []byte) (int, error) {
	if !w.leaves() {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// WriteString writes s to the body.
func (w *writer) WriteString(s string) (int, error) {
	if !w.leaves() {
		return len(s), nil
	}
	return w.ResponseWriter.WriteString(s)
}

// Flush sends what was written so far.
func (w *writer) Flush() {
	w.leaves()
	w.watcher.Flushes()
	w.ResponseWriter.Flush()
}

// Hijack gives the connection to the handler.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.watcher.Hijack(w.ResponseWriter.Hijack)
}

// leaves reports that the header leaves, if it has not. It returns false if what is written
// must be dropped.
func (w *writer) leaves() bool {
	switch {
	case w.dropped:
	case !w.Written():
		status := w.Status()
		w.interim = status >= http.StatusContinue && status < http.StatusOK && status != http.StatusSwitchingProtocols
		w.dropped = !w.watcher.Leaves(status)
	case w.interim: // the server sends 200 with the first byte
		w.interim = false
		w.dropped = !w.watcher.Leaves(http.StatusOK)
	}
	return !w.dropped
}

// pending returns the status that gin will send if nothing is written, or 0 if nobody has
// set one.
func pending(w gin.ResponseWriter) int {
	if status := w.Status(); status != http.StatusOK || isSet(w) {
		return status
	}
	return 0
}

// isSet reports whether a handler has set a status.
func isSet(w http.ResponseWriter) bool {
	for w != nil {
		switch own := w.(type) {
		case *writer:
			if own.isSet {
				return true
			}
		case *keptWriter:
			if own.isSet {
				return true
			}
		}
		below, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = below.Unwrap()
	}
	return false
}
