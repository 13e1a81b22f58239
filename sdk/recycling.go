package sdk

import (
	"sync"

	"github.com/opendeed/audit/record"
)

// recycled holds records for reuse, of providers whose processors and deliveries retain
// none. A record with its metadata has more than a kilobyte. Allocating and collecting it
// is a good part of the cost of a Track call whose delivery does no I/O.
var recycled sync.Pool

// maxRecycled is the largest capacity for metadata of a record that is kept.
const maxRecycled = 64

// allocate returns an empty record with room for n metadata, a recycled one if possible.
func (p *TrackerProvider) allocate(n int) *record.Record {
	if p.recycles {
		if r, ok := recycled.Get().(*record.Record); ok && cap(r.Metadata) >= n {
			return r
		}
	}
	return allocate(n)
}

// recycle keeps a record for reuse. It was delivered, and nothing refers to it any more.
// Its metadata belongs to it alone since the resolve stage, while its other slices may be
// shared.
func recycle(r *record.Record) {
	room := r.Metadata[:cap(r.Metadata)]
	if len(room) > maxRecycled {
		return
	}
	clear(room)
	*r = record.Record{}
	r.Metadata = room[:0]
	recycled.Put(r)
}
