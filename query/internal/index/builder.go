package index

import (
	"github.com/opendeed/audit/sdk/ledger"
)

// Builder collects what an index knows of consecutive entries. The zero value is not ready;
// use NewBuilder.
type Builder struct {
	Outline

	extractor extractor
	recent    *Recent
	terms     []uint64 // a key in the upper half, a place in the lower one; in the order of places
	facets    facets

	signatures []*signature // of the blocks
	bytes      int64        // size of the frames
}

// NewBuilder returns a Builder for the entries of a ledger from first on. It looks for
// repeated records among those that recent has, and adds its own. If terms is false, it
// collects an outline only.
func NewBuilder(ledger [16]byte, first uint64, recent *Recent, terms bool) *Builder {
	b := &Builder{
		Outline:   Outline{First: first, Since: recent.startAt(first), end: -1},
		extractor: newExtractor(NewHasher(ledger), terms), recent: recent,
	}
	b.terms, recent.terms = recent.terms[:0], nil
	return b
}

// AddFrame adds the entries of the next frame. Those before First are left out.
func (b *Builder) AddFrame(f ledger.Frame) {
	frame := Frame{Offset: f.Offset, Size: f.Size, First: int(int64(f.First - b.First))}
	b.addFrame(frame, f.Checksum)
	b.bytes += f.Size
	for e := range f.All() {
		if e.Seq >= b.First {
			b.addEntry(e)
		}
	}
	b.extractor.release()
}

// TakeRepeats replaces what b has found of repeated records by what an outline of the same
// entries has.
func (b *Builder) TakeRepeats(o *Outline) {
	b.repeats, b.Since = o.repeats, o.Since
}

// addEntry adds the next entry.
func (b *Builder) addEntry(e ledger.Entry) {
	place, x := b.n, &b.extractor
	if place%BlockSize == 0 && b.extractor.all {
		b.signatures = append(b.signatures, new(signature))
		x.begin(b.signatures[len(b.signatures)-1])
	}
	if !x.entry(e.Data) {
		b.addTime(noTime)
		b.recent.skip(e.Seq)
		return
	}
	b.addTime(x.time)
	for _, key := range x.terms {
		b.terms = append(b.terms, uint64(key)<<32|uint64(place))
	}
	for _, v := range x.values {
		b.facets.add(v.field, v.slot)
	}
	if earlier := b.recent.add(x.id, e.Seq); len(earlier) > 0 {
		b.repeats = append(b.repeats, Repeat{Place: place, Earlier: earlier})
	}
}
