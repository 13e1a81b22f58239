package record

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
)

// AppendJSON appends the canonical JSON of r to b: one line, without the line feed, as
// docs/record-format.md describes it. It follows RFC 8785, so equal records have equal
// bytes. If b has room and the metadata is sorted, only compound values allocate.
//
// AppendJSON rejects a record that [Record.UnmarshalJSON] would not read, with a
// [*audit.ValidationError], and returns b unchanged: a record without an ID, a valid
// action or an actor, with an enum value that is none of the constants, a time outside
// the years 1970 to 9999, text that is not valid UTF-8, a repeated key, a chain of more
// than record.MaxDelegation actors after the first, or arrays and maps nested more than
// MaxEncodedNesting deep.
//
// It omits the schema URL of the resource and the payload of a NaN. It does not change
// the record, and several goroutines may call it at the same time.
func (r *Record) AppendJSON(b []byte) ([]byte, error) {
	var w writer
	out := w.record(b, r)
	if at, reason := w.Failure(); reason != "" {
		return b, &audit.ValidationError{Field: canonical.Path(string(out[len(b):]), at-len(b)), Reason: reason}
	}
	return out, nil
}

// MarshalJSON returns the canonical JSON. Package encoding/json then escapes <, > and &
// in it, unless an Encoder was configured otherwise. The result reads back as the same
// record but is not canonical.
func (r Record) MarshalJSON() ([]byte, error) {
	return r.AppendJSON(make([]byte, 0, 1024))
}

// UnmarshalJSON sets r to the record in data. It reads what AppendJSON writes, in any
// layout: with members in any order, white space between tokens, and escapes that are
// not needed. Everything else is an error: an unknown or repeated member, an empty one
// that must be omitted, a word that is not an enum's, a number or time in another form,
// text that is not valid UTF-8, more text after the record, null.
//
// Metadata is sorted by key, in Go's order of strings, and times are in UTC. The error
// is a [*FormatError], and leaves r unchanged. r does not refer to data. Records may
// share a resource, which is immutable.
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

// FormatError reports where and why a text is not the JSON of a record. It contains no
// values.
type FormatError struct {
	// Offset is the position in the text, in bytes.
	Offset int
	// Path is the member, e.g. "actor.type" or "changes[1].field", or empty for the
	// record itself.
	Path string
	// Reason is what is wrong.
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
