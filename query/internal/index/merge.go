package index

import (
	"errors"
	"io"
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
	m := merger{hasher: NewHasher(h.Ledger), cursors: make([]termCursor, len(inputs))}
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
	hasher  Hasher
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
			text := []byte(v.Text)
			m.facets.addCount(f.Field, m.hasher.Term(f.Field, text), text, v.Count)
		}
		if into := m.facets[f.Field]; into != nil && !f.Complete {
			into.partial = true
		}
	}
	return errors.Join(err, errTable, errInvalid, errFacets)
}

// mergeTerms writes the terms of all indexes, in the order of their keys.
func (m *merger) mergeTerms(w *termWriter) error {
	for i := range m.cursors {
		if err := m.cursors[i].next(); err != nil {
			return err
		}
	}
	var places []uint32
	for {
		key, ok := m.lowest()
		if !ok {
			return nil
		}
		places = places[:0]
		for i := range m.cursors {
			c := &m.cursors[i]
			if c.done || c.key != key {
				continue
			}
			var err error
			if places, err = c.appendPlaces(places); err != nil {
				return err
			}
			if err := c.next(); err != nil {
				return err
			}
		}
		w.add(key, places)
	}
}

// lowest returns the lowest key that is left. ok is false if none is.
func (m *merger) lowest() (key Key, ok bool) {
	for i := range m.cursors {
		if c := &m.cursors[i]; !c.done && (!ok || c.key < key) {
			key, ok = c.key, true
		}
	}
	return key, ok
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
	done    bool
}

// next reads the next term.
func (c *termCursor) next() error {
	for c.left == 0 {
		if c.number == int(c.termPageCount) {
			c.done = true
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
	c.posting = readPosting(&c.page, c.Len())
	c.left--
	c.read++
	return c.page.err
}

// appendPlaces appends the places of the current term, as they are in the merged index.
func (c *termCursor) appendPlaces(places []uint32) ([]uint32, error) {
	if c.posting.count == 1 { // most have one
		return append(places, c.posting.single+uint32(c.offset)), nil
	}
	of, err := c.places(c.R, c.posting)
	if err != nil {
		return places, err
	}
	of.Range(0, c.Len(), func(place int) { places = append(places, uint32(place+c.offset)) })
	return places, nil
}
