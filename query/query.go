// Package query finds records again.
//
//	reader, err := query.Ledger("audit-ledger")
//	for record, err := range reader.Find(ctx, query.Filter{TargetType: "invoice", TargetID: "1001"}) {
//
// Records come in the order of their time, the newest first unless the Filter says
// otherwise, and those of the same time in the order of their ids. A page goes on
// behind the last record of the one before it:
//
//	filter.After = query.Cursor(record)
package query

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// Reader finds records. It is safe for concurrent use.
type Reader interface {
	// Find returns the records that match, in order. Where something cannot be read,
	// or the filter is wrong (*FilterError), it yields nil and the error; whoever goes
	// on after an error about what is stored gets the rest.
	//
	// Records that are added during the iteration may be left out. One that was stored
	// twice because its Track was tried again comes once; two different records of one
	// ID both come, because that is evidence.
	Find(ctx context.Context, f Filter) iter.Seq2[*record.Record, error]
}

const (
	cursorVersion = 1
	cursorSize    = 1 + 8 + 4 + 16
)

// Cursor returns the place of a record in every order, for Filter.After: its time and
// its id, in a text that may stand in a URL.
func Cursor(r *record.Record) string {
	b := make([]byte, 0, cursorSize)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Time.Nanosecond()))
	b = append(b, r.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// place is where a record stands in the order.
type place struct {
	time time.Time
	id   audit.ID
}

var errBadCursor = errors.New("it is not what Cursor returned")

// ParseCursor returns the time and the id of the record that a cursor is of. It is for
// those who write a Reader.
func ParseCursor(cursor string) (time.Time, audit.ID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorSize || b[0] != cursorVersion {
		return time.Time{}, audit.ID{}, errBadCursor
	}
	nano := binary.BigEndian.Uint32(b[9:])
	if nano >= 1e9 {
		return time.Time{}, audit.ID{}, errBadCursor
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b[1:])), int64(nano)).UTC(), audit.ID(b[13:]), nil
}

func placeOf(r *record.Record) place { return place{r.Time, r.ID} }

// compare orders by time, then by id.
func (p place) compare(q place) int {
	if c := p.time.Compare(q.time); c != 0 {
		return c
	}
	return compareIDs(p.id, q.id)
}
