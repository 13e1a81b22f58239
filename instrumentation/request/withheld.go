package request

import (
	"cmp"
	"maps"
	"net/http"

	"github.com/opendeed/audit"
)

// Withheld says how the answer of a route's handler is withheld until its record is safe:
// see [Exchange.Begin].
type Withheld struct {
	// Limit is how many bytes of memory an answer may take while it is withheld: its body,
	// and 16 bytes a write. 0 means 64 KiB. A larger answer leaves when it reaches the limit.
	Limit int
	// OnUnrecorded answers a request whose handler has run, and whose record failed with
	// err. status is that of the handler's answer. If the function writes nothing, or is nil,
	// the handler's answer leaves.
	OnUnrecorded func(w http.ResponseWriter, r *http.Request, err error, status int)
}

// defaultWithheldLimit is how many bytes an answer may take by default.
const defaultWithheldLimit = 64 << 10

// NotBegunError reports a request whose handler must not run, because its event could not be
// begun. Nothing was done.
type NotBegunError struct {
	// Err is the error of audit.Begin.
	Err error
}

// Error describes the problem for logs.
func (e *NotBegunError) Error() string {
	return "audit: the handler must not run, since its event could not be begun: " + e.Err.Error()
}

// Unwrap returns Err.
func (e *NotBegunError) Unwrap() error { return e.Err }

// NotBegunStatus and NotBegunText are the status and the text of the response to a request
// whose event could not be begun.
const (
	NotBegunStatus = http.StatusServiceUnavailable
	NotBegunText   = "this cannot be recorded now, so nothing was done; try again later"
)

// Begin begins the event of an intent whose answer is withheld, before its handler runs. It
// does nothing for other intents. It is called after [Exchange.Supply].
//
// If it returns an error, the handler must not run, and no intent is tracked. The error is an
// [*audit.UnmetError] if the event would be rejected as it is, and a [*NotBegunError] if it
// could not be recorded; of that one the error handler has been told.
func (x *Exchange) Begin(i *Intent) error {
	if i.Withheld == nil {
		return nil
	}
	attempt, err := x.beginFirst(i)
	x.completion.attempt = attempt
	return err
}

// beginFirst records that the event of s was begun, before its handler does anything. The
// errors are those of [Exchange.Begin].
func (x *Exchange) beginFirst(s source) (*audit.Attempt, error) {
	if err := audit.Ready(x.ctx); err != nil {
		return nil, err
	}
	attempt, err := x.tryBegin(x.ctx, s.trackedBy(), s.eventOf(x, 0))
	if err != nil {
		x.handleError(err)
		return nil, &NotBegunError{Err: err}
	}
	return attempt, nil
}

// hold withholds the answer of h, which would go to w, and returns the writer for the handler.
func (c *completion) hold(h *HTTP, w http.ResponseWriter) (own http.ResponseWriter) {
	c.held, own = hold(h.flat(w), h.Request, c.withheld.Limit, c.exchange.answer.isUnwanted)
	if h.Keep != nil {
		own, c.sent = h.Keep(w, own)
	}
	return own
}

// flat returns a writer to w whose WriteHeader sends the header.
func (h *HTTP) flat(w http.ResponseWriter) http.ResponseWriter {
	if h.Flat == nil {
		return w
	}
	return h.Flat(w)
}

// replaces lets the applications answer for the first of cs, which have been finished, whose
// record failed. status is that of the answer that is about to leave. It reports whether
// there is another answer now.
func (a *answer) replaces(cs []*completion, status int) bool {
	for _, c := range cs {
		if c.unrecorded == nil || c.panicked || c.withheld == nil || c.withheld.OnUnrecorded == nil {
			continue
		}
		w := newReplacement(a)
		c.withheld.OnUnrecorded(w, c.exchange.served, c.unrecorded, status)
		return w.end()
	}
	return false
}

// replaceNothing is replaces for the owner's handler, if it wrote nothing and nobody else did:
// cs have been finished, and a server answers with 200 now, or with what the framework has
// pending.
func (a *answer) replaceNothing(cs []*completion) {
	a.mu.Lock()
	silent := a.status == 0 && !a.hijacked && !a.gone && !a.isTimedOut()
	a.mu.Unlock()
	owner := cs[len(cs)-1]
	if silent && !owner.panicked && !owner.failed {
		a.replaces(cs, cmp.Or(a.pending(), http.StatusOK))
	}
}

// replacement is the writer of an answer in place of the handler's.
type replacement struct {
	http.ResponseWriter
	answer  *answer
	removed http.Header // of the handler's answer
	written bool
}

// entityHeaders describe the body of an answer.
var entityHeaders = []string{
	"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range",
	"Content-Type", "Etag", "Last-Modified", "Location", "Trailer", "Transfer-Encoding",
}

// newReplacement returns a writer whose header has nothing that describes the body of the
// handler's answer.
func newReplacement(a *answer) *replacement {
	w := &replacement{ResponseWriter: a.below, answer: a, removed: http.Header{}}
	header := w.Header()
	for _, name := range entityHeaders {
		if values, ok := header[name]; ok {
			w.removed[name] = values
			delete(header, name)
		}
	}
	return w
}

// end ends the answer and reports whether there is one. If not, the handler's leaves.
func (w *replacement) end() bool {
	if !w.written {
		maps.Copy(w.Header(), w.removed)
	}
	return w.written
}

// Unwrap is for http.ResponseController.
func (w *replacement) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader writes the header.
func (w *replacement) WriteHeader(status int) {
	if isFinal(status) && !w.written {
		w.written = true
		w.answer.mu.Lock()
		w.answer.status, w.answer.replaced = status, true
		w.answer.mu.Unlock()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *replacement) Write(b []byte) (int, error) {
	if !w.written {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}
