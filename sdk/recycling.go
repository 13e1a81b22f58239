package sdk

import (
	"sync"

	"github.com/opendeed/audit/record"
)

// recycled holds the records of providers whose steps and deliveries keep none.
// A record with its metadata is more than a kilobyte, so that making and collecting
// it is a good part of what a Track call costs where the delivery does no I/O.
var recycled sync.Pool

// maxRecycled is the room for metadata of a record that is worth keeping.
const maxRecycled = 64

// allocate returns an empty record with room for n metadata.
func (p *TrackerProvider) allocate(n int) *record.Record {
	if p.recycles {
		if r, ok := recycled.Get().(*record.Record); ok && cap(r.Metadata) >= n {
			return r
		}
	}
	return allocate(n)
}

// recycle takes a record that was delivered and that nothing refers to. Its
// metadata is its own since the resolve stage; whatever else it has may be shared.
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
