package audit

import (
	"errors"
	"time"

	"github.com/opendeed/audit/internal/uuid"
)

// ID identifies a record. It is a UUID, of version 7 if this package made it. Its text
// form is the canonical one of RFC 9562, 36 lower-case characters. IDs sort by time of
// creation to the microsecond, as bytes and as text.
type ID [16]byte

var errBadID = errors.New("audit: an id is a UUID of 36 characters, lower case, with hyphens")

// NewID returns a new UUID of version 7 (RFC 9562, section 5.7). IDs are unique, not
// secret.
func NewID() ID { return uuid.At(time.Now()) }

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical text form.
func (id ID) String() string {
	var text [uuid.TextSize]byte
	uuid.Encode(&text, id)
	return string(text[:])
}

// AppendText appends the canonical text form. It never fails.
func (id ID) AppendText(b []byte) ([]byte, error) {
	var text [uuid.TextSize]byte
	uuid.Encode(&text, id)
	return append(b, text[:]...), nil
}

// MarshalText returns the canonical text form. It never fails.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText parses the canonical text form. It accepts no other form.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, ok := uuid.Decode(text)
	if !ok {
		return errBadID
	}
	*id = parsed
	return nil
}
