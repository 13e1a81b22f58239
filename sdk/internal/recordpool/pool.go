// Package recordpool allocates records, and uses them again. A record with its metadata has
// more than a kilobyte. Allocating and collecting it is a good part of the cost of a Track
// call whose delivery does no I/O.
package recordpool

import (
	"sync"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// released holds empty records, of all providers.
var released sync.Pool

// maxReleased is the largest capacity for metadata of a record that is kept.
const maxReleased = 64

// Get returns an empty record with room for n metadata.
func Get(n int) *record.Record {
	if r, ok := released.Get().(*record.Record); ok && cap(r.Metadata) >= n {
		return r
	}
	return allocate(n)
}

// Copy returns a copy of r with metadata of its own. It shares the other slices with r, so
// nobody may change their elements any more.
func Copy(r *record.Record) *record.Record {
	c := Get(len(r.Metadata))
	own := c.Metadata[:len(r.Metadata)]
	copy(own, r.Metadata)
	*c = *r
	c.Metadata = own
	return c
}

// Put keeps a record for reuse. The caller must be the only one that refers to the record or
// to its metadata, and must not use it any more. The other slices may be shared.
func Put(r *record.Record) {
	room := r.Metadata[:cap(r.Metadata)]
	if len(room) > maxReleased {
		return
	}
	clear(room)
	*r = record.Record{}
	r.Metadata = room[:0]
	released.Put(r)
}

// allocate makes a record with room for n metadata. For a common n it needs only one
// allocation.
func allocate(n int) *record.Record {
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
