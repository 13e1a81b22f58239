package query

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// Position is the place of a record in the order of results: by time, then by ID. Two
// different records with the same time and ID are ordered by Digest.
type Position struct {
	Time time.Time
	ID   audit.ID
	// Digest is the beginning of the SHA-256 of the record's JSON, or zero if the record
	// is invalid. A store in which IDs are unique ignores it.
	Digest [8]byte
}

// PositionOf returns the position of a record.
func PositionOf(r *record.Record) Position {
	p := Position{Time: r.Time, ID: r.ID}
	if json, err := r.AppendJSON(nil); err == nil {
		sum := sha256.Sum256(json)
		copy(p.Digest[:], sum[:])
	}
	return p
}

// Compare returns a negative number if p comes before q, and a positive one if it comes
// after q, in ascending order.
func (p Position) Compare(q Position) int {
	return cmp.Or(p.Time.Compare(q.Time), bytes.Compare(p.ID[:], q.ID[:]), bytes.Compare(p.Digest[:], q.Digest[:]))
}

const (
	cursorVersion = 2
	cursorSize    = 1 + 8 + 4 + 16 + 8
)

// CursorOf returns the cursor of a record, for Filter.After. It encodes the record's
// position, so it is valid in any store and in both orders, and is safe in a URL.
func CursorOf(r *record.Record) string { return PositionOf(r).Cursor() }

// Cursor returns the cursor of the position, for Filter.After. One whose Digest is zero comes
// before all records with its time and ID, in ascending order.
func (p Position) Cursor() string {
	b := make([]byte, 0, cursorSize)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Time.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Time.Nanosecond()))
	b = append(b, p.ID[:]...)
	b = append(b, p.Digest[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = errors.New("query: not a cursor from CursorOf")

// ParseCursor returns the position encoded in a cursor. Implementations of Reader use it;
// callers pass cursors to Filter.After unchanged.
func ParseCursor(cursor string) (Position, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorSize || b[0] != cursorVersion {
		return Position{}, errCursor
	}
	nano := binary.BigEndian.Uint32(b[9:])
	if nano >= 1e9 {
		return Position{}, errCursor
	}
	return Position{
		Time: time.Unix(int64(binary.BigEndian.Uint64(b[1:])), int64(nano)).UTC(),
		ID:   audit.ID(b[13:29]), Digest: [8]byte(b[29:]),
	}, nil
}
