package query

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

const (
	cursorVersion = 1
	cursorSize    = 1 + 8 + 4 + 16
)

// CursorOf returns the cursor of a record, for Filter.After. It encodes the record's
// time and ID, so it is valid in any store and in both orders, and is safe in a URL.
func CursorOf(r *record.Record) string {
	b := make([]byte, 0, cursorSize)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Time.Nanosecond()))
	b = append(b, r.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = errors.New("query: not a cursor from CursorOf")

// ParseCursor returns the time and the ID encoded in a cursor. Implementations of
// Reader use it; callers pass cursors to Filter.After unchanged.
func ParseCursor(cursor string) (time.Time, audit.ID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorSize || b[0] != cursorVersion {
		return time.Time{}, audit.ID{}, errCursor
	}
	nano := binary.BigEndian.Uint32(b[9:])
	if nano >= 1e9 {
		return time.Time{}, audit.ID{}, errCursor
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b[1:])), int64(nano)).UTC(), audit.ID(b[13:]), nil
}
