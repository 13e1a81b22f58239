package canonical

// Writer appends canonical JSON. Its zero value is ready to use.
//
// Every method appends to b and returns the extended slice. Members of an object must
// be appended in the order of their names. Each ends with a comma; the caller replaces
// the last one with the closing bracket. An opening is the name of a member as it is
// written, with its quotes and the colon.
//
// The Writer keeps the first failure. What is appended after a failure is meaningless.
type Writer struct {
	failed int
	reason string // empty if nothing failed
}

// Fail records that what follows b cannot be written, unless something failed before.
func (w *Writer) Fail(b []byte, reason string) {
	if w.reason == "" {
		w.failed, w.reason = len(b), reason
	}
}

// Failed reports whether something failed.
func (w *Writer) Failed() bool { return w.reason != "" }

// Failure returns the length of the text before the first failure, and its reason. The
// reason is empty if nothing failed.
func (w *Writer) Failure() (at int, reason string) { return w.failed, w.reason }
