package audit

import (
	"encoding/hex"
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

// ParseID parses the canonical text form. It accepts no other form.
func ParseID(s string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical text form.
func (id ID) String() string {
	var text [36]byte
	id.encode(&text)
	return string(text[:])
}

// AppendText appends the canonical text form. It never fails.
func (id ID) AppendText(b []byte) ([]byte, error) {
	var text [36]byte
	id.encode(&text)
	return append(b, text[:]...), nil
}

// MarshalText returns the canonical text form. It never fails.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText parses the canonical text form. It accepts no other form.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return errBadID
	}
	var parsed ID
	at := 0
	for i := range parsed {
		switch at {
		case 8, 13, 18, 23:
			at++
		}
		hi, lo := fromHex(text[at]), fromHex(text[at+1])
		if hi > 15 || lo > 15 {
			return errBadID
		}
		parsed[i] = hi<<4 | lo
		at += 2
	}
	*id = parsed
	return nil
}

// encode writes the text form. It uses a table because every record has an ID.
func (id *ID) encode(dst *[36]byte) {
	dst[8], dst[13], dst[18], dst[23] = '-', '-', '-', '-'
	for i, at := range [len(id)]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		pair := &hexPairs[id[i]]
		dst[at], dst[at+1] = pair[0], pair[1]
	}
}

// hexPairs has the two digits of each byte.
var hexPairs = func() (pairs [256][2]byte) {
	for i := range pairs {
		hex.Encode(pairs[i][:], []byte{byte(i)})
	}
	return pairs
}()

// fromHex returns a value above 15 for what is no lower-case digit.
func fromHex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}
