package index

import (
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Builder collects what an index knows of consecutive entries. The zero value is not ready;
// use NewBuilder.
type Builder struct {
	Outline

	hasher  Hasher
	recent  *Recent
	withAll bool     // collect terms and facets, not only an outline
	terms   []uint64 // a key in the upper half, a place in the lower one; in the order of places
	facets  facets
	buffer  []byte

	signatures []*signature // of the blocks
	bytes      int64        // size of the frames
}

// NewBuilder returns a Builder for the entries of a ledger from first on. It looks for
// repeated records among those that recent has, and adds its own. If terms is false, it
// collects an outline only.
func NewBuilder(ledger [16]byte, first uint64, recent *Recent, terms bool) *Builder {
	b := &Builder{
		Outline: Outline{First: first, Since: recent.startAt(first), end: -1}, hasher: NewHasher(ledger),
		recent: recent, withAll: terms,
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
}

// TakeRepeats replaces what b has found of repeated records by what an outline of the same
// entries has.
func (b *Builder) TakeRepeats(o *Outline) {
	b.repeats, b.Since = o.repeats, o.Since
}

// addEntry adds the next entry.
func (b *Builder) addEntry(e ledger.Entry) {
	place, collected := b.n, len(b.terms)
	if place%BlockSize == 0 && b.withAll {
		b.signatures = append(b.signatures, new(signature))
	}
	s := collector{Builder: b, place: uint64(place)}
	at, ok := extract(e.Data, false, &s)
	if !ok {
		b.terms = b.terms[:collected]
		s.id = s.id[:0]
		if at, ok = b.extractDecoded(e.Data, &s); !ok {
			b.terms = b.terms[:collected]
			b.addTime(noTime)
			b.recent.skip(e.Seq)
			return
		}
	}
	b.addTime(at)
	if b.withAll {
		b.facets.add(s.facets[:s.n])
	}
	if earlier := b.recent.add(s.id, e.Seq); len(earlier) > 0 {
		b.repeats = append(b.repeats, Repeat{Place: place, Earlier: earlier})
	}
}

// extractDecoded is extract for an entry that may not be canonical.
func (b *Builder) extractDecoded(data []byte, s *collector) (at int64, ok bool) {
	var r record.Record
	if r.UnmarshalJSON(data) != nil {
		return 0, false
	}
	var err error
	if b.buffer, err = r.AppendJSON(b.buffer[:0]); err != nil {
		return 0, false
	}
	s.n = 0
	return extract(b.buffer, true, s)
}

// collector receives the terms of one entry.
type collector struct {
	*Builder

	place  uint64
	id     []byte
	facets [12]facetTerm
	n      int // number of facets
}

type facetTerm struct {
	field Field
	key   Key
	text  []byte
}

func (c *collector) term(f Field, text []byte) {
	if f == ID {
		c.id = append(c.id[:0], text...)
	}
	if !c.withAll {
		return
	}
	key := c.hasher.Term(f, text)
	c.terms = append(c.terms, uint64(key)<<32|c.place)
	if faceted>>f&1 != 0 && c.n < len(c.facets) {
		c.facets[c.n] = facetTerm{f, key, text}
		c.n++
	}
}

func (c *collector) text(json []byte) {
	if c.withAll {
		c.signatures[len(c.signatures)-1].add(json)
	}
}

func (c *collector) pair(f Field, name, value []byte) {
	if c.withAll {
		c.terms = append(c.terms, uint64(c.hasher.Pair(f, name, value))<<32|c.place)
	}
}
