package record

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
)

// AppendJSON appends the canonical JSON of r to b: one line, without the line
// feed, as docs/record-format.md describes it. It follows RFC 8785, so that equal
// records are equal bytes. Given room in b, and metadata that are sorted, it
// allocates for none but compound values.
//
// A record that [Record.UnmarshalJSON] would not read back is refused with a
// *audit.ValidationError, and b is returned as it was: one without an id, a valid
// action or an actor, with an enum value that is none of the constants, a time
// outside the years 1970 to 9999, text that is not valid UTF-8, a key that is
// stated twice, more than audit.MaxDelegation actors behind the first, or arrays
// and maps nested more than 64 deep.
//
// Not written are a resource's schema URL and which NaN a NaN is. The record is
// not changed, and may be written by several goroutines at the same time.
func (r *Record) AppendJSON(b []byte) ([]byte, error) {
	var w writer
	out := w.record(b, r)
	if at, reason := w.Failure(); reason != "" {
		return b, &audit.ValidationError{Field: canonical.Path(string(out[len(b):]), at-len(b)), Reason: reason}
	}
	return out, nil
}

// MarshalJSON returns the canonical JSON. Mind that encoding/json escapes <, >
// and & in what it is given, unless an Encoder was told not to: the result still
// reads back the same but is not canonical.
func (r Record) MarshalJSON() ([]byte, error) {
	return r.AppendJSON(make([]byte, 0, 1024))
}

// UnmarshalJSON sets r to the record that data holds. It reads what AppendJSON
// writes, laid out in any way: members in any order, white space between them,
// escapes where none are needed. All else is an error: an unknown or repeated
// member, an empty one that should have been left out, a word that is no enum's, a
// number or time that is not written as AppendJSON writes it, text that is not
// valid UTF-8, anything behind the record, null.
//
// Metadata comes sorted by key, in Go's order of strings, and times are in UTC.
// The error is a *FormatError, and r is then as it was. Nothing in r refers to
// data; records may share a resource, which nobody can change.
func (r *Record) UnmarshalJSON(data []byte) error {
	text := string(data)
	p := newReader(text)
	var read Record
	p.record(&read)
	p.End()
	if at, reason := p.Failure(); reason != "" {
		return &FormatError{Offset: at, Path: canonical.Path(text, at), Reason: reason}
	}
	*r = read
	return nil
}

// FormatError says where a text is not a record's JSON, and why. It carries no
// values.
type FormatError struct {
	// Offset is where in the text, in bytes from its beginning.
	Offset int
	// Path is the member, e.g. "actor.type" or "changes[1].field", or empty for the
	// record itself.
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error returns a sentence for logs.
func (e *FormatError) Error() string {
	at := "record: byte " + strconv.Itoa(e.Offset) + ": "
	if e.Path != "" {
		at += e.Path + ": "
	}
	return at + e.Reason
}
