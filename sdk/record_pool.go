package sdk

import (
	"sync"

	"github.com/opendeed/audit/record"
)

// recordPool allocates records, and reuses them if no processor and no delivery retains
// one. A record with its metadata has more than a kilobyte. Allocating and collecting it
// is a good part of the cost of a Track call whose delivery does no I/O.
type recordPool struct{ reuses bool }

// released holds records for reuse, of all providers.
var released sync.Pool

// maxReleased is the largest capacity for metadata of a record that is kept.
const maxReleased = 64

// allocate returns an empty record with room for n metadata.
func (p *recordPool) allocate(n int) *record.Record {
	if p.reuses {
		if r, ok := released.Get().(*record.Record); ok && cap(r.Metadata) >= n {
			return r
		}
	}
	return allocate(n)
}

// release keeps a delivered record for reuse. The caller must not refer to it any more.
// Its metadata belongs to it alone since the resolve stage, while its other slices may be
// shared.
func (p *recordPool) release(r *record.Record) {
	room := r.Metadata[:cap(r.Metadata)]
	if !p.reuses || len(room) > maxReleased {
		return
	}
	clear(room)
	*r = record.Record{}
	r.Metadata = room[:0]
	released.Put(r)
}
