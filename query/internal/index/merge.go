package index

import (
	"errors"
	"io"
	"math"
	"slices"
)

// Input is an index that is read for a merge.
type Input struct {
	*File

	R io.ReaderAt
}

// Merge returns the bytes of one index of a segment for the entries of several, each of which
// begins where the one before ends. Seal is that of the Header.
func Merge(inputs []Input, seal int64) ([]byte, error) {
	first, last := inputs[0], inputs[len(inputs)-1]
	h := &Header{
		Ledger: first.Ledger, Segment: first.Segment, First: first.First, Next: last.Next, Since: first.Since,
		Seal: seal, Checksum: last.Checksum, LastFrame: last.LastFrame, LastFirst: last.LastFirst, End: last.End,
		Fields: first.Fields, Oldest: first.Oldest, Newest: first.Newest,
	}
	m := merger{cursors: make([]termCursor, len(inputs))}
	for i, in := range inputs {
		if i > 0 && (in.First != inputs[i-1].Next || in.Segment != h.Segment || in.Ledger != h.Ledger) {
			return nil, ErrBad
		}
		if in.Since+Window > in.First { // not all entries of the window were searched
			h.Since = max(h.Since, in.Since)
		}
		h.Fields &= in.Fields
		h.Oldest, h.Newest = min(h.Oldest, in.Oldest), max(h.Newest, in.Newest)
		m.cursors[i] = termCursor{Input: in, offset: int(in.First - h.First)}
		if err := m.add(in, int(in.First-h.First)); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(m.repeats, func(a, b Repeat) int { return a.Place - b.Place })
	w := &termWriter{n: h.Len()}
	if err := m.mergeTerms(w); err != nil {
		return nil, err
	}
	return h.image(w, m.blocks, mergeSignatures(m.tables), m.repeats, m.invalid, m.facets.sorted()), nil
}

// merger collects what several indexes know.
type merger struct {
	blocks  []Block
	tables  []*signatures
	repeats []Repeat
	invalid []int
	facets  facets
	cursors []termCursor
}

// add adds an index, whose first place is at an offset.
func (m *merger) add(in Input, offset int) error {
	blocks, err := in.Blocks(in.R)
	if err != nil {
		return err
	}
	for i := range blocks {
		b, err := in.Block(in.R, i)
		if err != nil {
			return err
		}
		moved := *b
		moved.First += offset
		for i := range moved.Frames {
			moved.Frames[i].First += offset
		}
		m.blocks = append(m.blocks, moved)
	}
	table, errTable := in.signatures(in.R)
	m.tables = append(m.tables, table)
	repeats, err := in.Repeats(in.R)
	for place, earlier := range repeats {
		m.repeats = append(m.repeats, Repeat{Place: place + offset, Earlier: earlier})
	}
	invalid, errInvalid := in.Invalid(in.R)
	for _, place := range invalid {
		m.invalid = append(m.invalid, place+offset)
	}
	all, errFacets := in.Facets(in.R)
	for _, f := range all {
		if f.Field >= fields || faceted>>f.Field&1 == 0 {
			continue
		}
		for _, v := range f.Values {
			if into := m.facets.value(f.Field, []byte(v.Text)); into != nil {
				into.Count += v.Count
			}
		}
		if !f.Complete {
			m.facets.of(f.Field).partial = true
		}
	}
	return errors.Join(err, errTable, errInvalid, errFacets)
}

// mergeTerms writes the terms of all indexes, in the order of their keys.
func (m *merger) mergeTerms(w *termWriter) error {
	keys := make([]uint64, len(m.cursors)) // of the next terms
	for i := range m.cursors {
		if err := m.cursors[i].next(&keys[i]); err != nil {
			return err
		}
	}
	var all mergedPlaces
	for {
		key := slices.Min(keys)
		if key == noKey {
			return nil
		}
		all = mergedPlaces{list: all.list[:0], bitmaps: all.bitmaps[:0]}
		for i := range keys {
			if keys[i] != key {
				continue
			}
			c := &m.cursors[i]
			if err := all.add(c); err != nil {
				return err
			}
			if err := c.next(&keys[i]); err != nil {
				return err
			}
		}
		all.write(w, Key(key))
	}
}

// mergedPlaces are the places of a term, as they are in the merged index.
type mergedPlaces struct {
	count   int
	list    []uint32
	bitmaps []movedPlaces
}

// movedPlaces are a bitmap of places whose numbers are higher by an offset in the merged index.
type movedPlaces struct {
	*Places

	offset int
}

// add adds the places of the current term of an index.
func (p *mergedPlaces) add(c *termCursor) error {
	p.count += c.posting.count
	if c.posting.count == 1 { // most have one
		p.list = append(p.list, c.posting.single+uint32(c.offset))
		return nil
	}
	places, err := c.places(c.R, c.posting)
	if err != nil {
		return err
	}
	for _, place := range places.list {
		p.list = append(p.list, place+uint32(c.offset))
	}
	if places.bitmap != nil {
		p.bitmaps = append(p.bitmaps, movedPlaces{places, c.offset})
	}
	return nil
}

// write adds the term to the merged index.
func (p *mergedPlaces) write(w *termWriter, key Key) {
	if p.count > maxInline && isDense(p.count, w.n) {
		w.addBitmap(key, p.count, bitmapOf(w.n, p.list, p.bitmaps))
		return
	}
	for _, b := range p.bitmaps {
		b.Range(0, w.n, func(place int) { p.list = append(p.list, uint32(place+b.offset)) })
	}
	if len(p.bitmaps) > 0 {
		slices.Sort(p.list)
	}
	w.add(key, p.list)
}

// bitmapOf returns the bitmap of some of n places.
func bitmapOf(n int, list []uint32, bitmaps []movedPlaces) []byte {
	bitmap := make([]byte, (n+7)/8)
	for _, place := range list {
		bitmap[place/8] |= 1 << (place % 8)
	}
	for _, part := range bitmaps {
		at, shift := part.offset/8, part.offset%8
		for i, b := range part.bitmap {
			bitmap[at+i] |= b << shift
			if high := b >> (8 - shift); high != 0 {
				bitmap[at+i+1] |= high
			}
		}
	}
	return bitmap
}

// termCursor reads the terms of an index in order.
type termCursor struct {
	Input

	offset  int // of its places
	number  int // of the next page of terms
	page    decoder
	left    int // terms of the page that were not read
	read    int // terms of the page that were read
	key     Key
	posting posting
}

// noKey is higher than any key.
const noKey = math.MaxUint64

// next reads the next term, and sets key, which becomes noKey if none is left.
func (c *termCursor) next(key *uint64) error {
	for c.left == 0 {
		if c.number == int(c.termPageCount) {
			*key = noKey
			return nil
		}
		page, err := c.File.page(c.R, int(c.termPages)+c.number)
		if err != nil {
			return err
		}
		c.number++
		c.page = decoder{b: page}
		c.left, c.read = int(c.page.uint16()), 0
		c.page.bytes(2 * ((c.left + termsPerOffset - 1) / termsPerOffset))
	}
	if c.read%termsPerOffset == 0 {
		c.key = Key(c.page.uint32())
	} else {
		c.key += Key(c.page.uvarint())
	}
	*key = uint64(c.key)
	c.posting = readPosting(&c.page, c.Len())
	c.left--
	c.read++
	return c.page.err
}
