package records

import (
	"sync"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// released holds records for reuse, of all providers.
var released sync.Pool

// maxReleased is the largest capacity for metadata of a record that is kept.
const maxReleased = 64

// allocate returns an empty record with room for n metadata.
func (m *Maker) allocate(n int) *record.Record {
	if m.Reuses {
		if r, ok := released.Get().(*record.Record); ok && cap(r.Metadata) >= n {
			return r
		}
	}
	return newRecord(n)
}

// Release keeps a delivered record for reuse. The caller must not refer to it any more.
// Its metadata belongs to it alone since Make, while its other slices may be shared.
func (m *Maker) Release(r *record.Record) {
	room := r.Metadata[:cap(r.Metadata)]
	if !m.Reuses || len(room) > maxReleased {
		return
	}
	clear(room)
	*r = record.Record{}
	r.Metadata = room[:0]
	released.Put(r)
}

// newRecord returns a record with room for n metadata. For a common n it needs only one
// allocation.
func newRecord(n int) *record.Record {
	switch {
	case n == 0:
		return new(record.Record)
	case n <= 6:
		r := new(struct {
			record.Record
			room [6]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	case n <= 12:
		r := new(struct {
			record.Record
			room [12]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	}
	r := new(record.Record)
	r.Metadata = make([]attribute.KeyValue, 0, n)
	return r
}
