package record

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
)

// AppendJSON appends the canonical JSON of r to b: one line without a line feed, as
// docs/record-format.md describes. It follows RFC 8785, so equal records have equal bytes.
// If b has enough room and the metadata is sorted, only compound values allocate.
//
// If [Record.UnmarshalJSON] could not read the result, AppendJSON returns b unchanged and a
// [*audit.ValidationError]. A record must have an ID, a valid action and an actor. Its
// enums must be constants of package audit, its times in the years 1970 to 9999, and its
// texts valid UTF-8. It must not have a duplicate key, more than MaxDelegation actors after
// the first, or arrays and maps nested more than MaxEncodedNesting deep.
//
// AppendJSON omits the schema URL of the resource and the payload of a NaN. It does not
// change the record, and may be called concurrently.
func (r *Record) AppendJSON(b []byte) ([]byte, error) {
	var w writer
	out := w.record(b, r)
	if at, reason := w.Failure(); reason != "" {
		return b, &audit.ValidationError{Field: canonical.Path(string(out[len(b):]), at-len(b)), Reason: reason}
	}
	return out, nil
}

// MarshalJSON returns the canonical JSON. Package encoding/json then escapes <, > and & in
// it, unless Encoder.SetEscapeHTML turns that off. The escaped text decodes to the same
// record, but is not canonical.
func (r Record) MarshalJSON() ([]byte, error) {
	return r.AppendJSON(make([]byte, 0, 1024))
}

// UnmarshalJSON sets r to the record in data. It accepts what AppendJSON writes, also with
// members in another order, white space between tokens, and unnecessary escapes. A member
// place, which copies of records may have beside them, is checked and ignored. It
// rejects everything else: null, an unknown or duplicate member, an empty member that must
// be omitted, an unknown word of an enum, a number or time in another form, text that is
// not valid UTF-8, and text after the record.
//
// Metadata is sorted by key, in Go's order of strings, and times are in UTC. If the error,
// a [*FormatError], is not nil, r is unchanged. r does not refer to data. Records may share
// a resource, which is immutable.
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

// FormatError reports why a text is not the JSON of a record. It contains no values.
type FormatError struct {
	// Offset is the position in the text, in bytes.
	Offset int
	// Path is the path of the member, e.g. "actor.type" or "changes[1].field". It is
	// empty for the record itself.
	Path string
	// Reason says what is wrong.
	Reason string
}

// Error returns a text for logs.
func (e *FormatError) Error() string {
	at := "record: byte " + strconv.Itoa(e.Offset) + ": "
	if e.Path != "" {
		at += e.Path + ": "
	}
	return at + e.Reason
}
