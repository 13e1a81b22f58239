package export

import (
	"context"
	"sync"

	"github.com/opendeed/audit/record"
)

// Place is where a ledger has a record. It travels beside the record: it is no part of it, and
// does not count when a record is compared with one that a sink has already. With it, a copy
// can be held against a sealed ledger.
type Place struct {
	// Log is the ID of the ledger: 32 hexadecimal digits.
	Log string `json:"log"`
	// Seq is the sequence number of the entry, from 1.
	Seq uint64 `json:"seq"`
}

// PlaceOf returns the place of a record that is being exported. It is found by the pointer that
// Export was called with, so records that somebody has changed on the way have none. ok is false
// for a record that comes from no ledger. PlaceOf may be called concurrently.
func PlaceOf(ctx context.Context, r *record.Record) (p Place, ok bool) {
	places, _ := ctx.Value(placesKey{}).(*places)
	if places == nil {
		return Place{}, false
	}
	seq, ok := places.find(r)
	if !ok {
		return Place{}, false
	}
	return Place{Log: places.log, Seq: seq}, true
}

// WithPlaces returns a context for Export, in which PlaceOf finds the places of the records: the
// ID of their ledger, and a sequence number for each. It retains the slices. If their lengths
// differ, it returns ctx. A provider calls it; exporters don't.
func WithPlaces(ctx context.Context, log string, records []*record.Record, seqs []uint64) context.Context {
	if len(records) != len(seqs) {
		return ctx
	}
	return context.WithValue(ctx, placesKey{}, &places{log: log, records: records, seqs: seqs})
}

type placesKey struct{}

// places are those of a batch.
type places struct {
	log     string
	records []*record.Record
	seqs    []uint64

	once  sync.Once
	known map[*record.Record]uint64 // made when the first place is asked for
}

func (p *places) find(r *record.Record) (seq uint64, ok bool) {
	if len(p.records) == 1 {
		return p.seqs[0], p.records[0] == r
	}
	p.once.Do(func() {
		p.known = make(map[*record.Record]uint64, len(p.records))
		for i, r := range p.records {
			p.known[r] = p.seqs[i]
		}
	})
	seq, ok = p.known[r]
	return seq, ok
}
