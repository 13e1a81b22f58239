package index

import (
	"encoding/binary"
	"io"
	"math/bits"
	"slices"

	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
)

// Estimate is what an index knows of a condition: which entries meet it for certain, and which
// others may. All others do not.
type Estimate struct{ Sure, Maybe *Places }

// And returns the estimate for both conditions, of n entries.
func (e Estimate) And(o Estimate, n int) Estimate {
	sure := e.Sure.And(o.Sure)
	if e.Maybe.n == 0 && o.Maybe.n == 0 {
		return Estimate{sure, NoPlaces()}
	}
	return Estimate{sure, e.possible(n).And(o.possible(n)).Minus(sure)}
}

// Or returns the estimate for one of both conditions, of n entries.
func (e Estimate) Or(o Estimate, n int) Estimate {
	sure := e.Sure.Or(o.Sure, n)
	return Estimate{sure, e.Maybe.Or(o.Maybe, n).Minus(sure)}
}

// Not returns the estimate for the opposite, of all entries that are records.
func (e Estimate) Not(all *Places) Estimate {
	return Estimate{all.Minus(e.possible(all.size())), e.Maybe}
}

// possible returns the places of all entries that may meet the condition.
func (e Estimate) possible(n int) *Places { return e.Sure.Or(e.Maybe, n) }

// Doubt returns the estimate in which some entries that met the condition for certain may meet it.
func (e Estimate) Doubt(places *Places, n int) Estimate {
	doubted := e.Sure.And(places)
	if doubted.n == 0 {
		return e
	}
	return Estimate{e.Sure.Minus(doubted), e.Maybe.Or(doubted, n)}
}

// Column is a field of an index with the texts and the counts that it has of it.
type Column struct {
	file   *File
	r      io.ReaderAt
	hasher Hasher
	facet  Facet
	all    *Places // of the entries that are records
}

// Column returns a field with facets. all are the entries that are records.
func (f *File) Column(r io.ReaderAt, facets []Facet, field Field, all *Places) Column {
	// An index without a facet of a field has no entry with one, unless it counts none.
	c := Column{file: f, r: r, hasher: NewHasher(f.Ledger), facet: Facet{Field: field, Complete: faceted>>field&1 != 0}, all: all}
	for _, facet := range facets {
		if facet.Field == field {
			c.facet = facet
		}
	}
	return c
}

// Facet returns the texts of the field and how many records have them.
func (c *Column) Facet() Facet { return c.facet }

// Term is what an index knows of a value: which entries may have it.
type Term struct {
	posting posting
	found   bool
}

// Term looks up a value. Its entries certainly have it if certain is true: different values may
// have one key, but then there would be more entries than records with the value.
func (c *Column) Term(v FacetValue) (t Term, certain bool, err error) {
	t.posting, t.found, err = c.file.term(c.r, c.hasher.Term(c.facet.Field, []byte(v.Text)))
	return t, t.found && uint64(t.posting.count) == v.Count, err
}

// Places returns the entries that may have a value.
func (c *Column) Places(t Term) (*Places, error) {
	if !t.found {
		return NoPlaces(), nil
	}
	return c.file.places(c.r, t.posting)
}

// CountIn returns how many entries of a set may have a value. It is faster with a set from Dense.
func (c *Column) CountIn(t Term, in *Places) (n int, err error) {
	list := t.posting.list
	if t.found && t.posting.count > 1 && list == nil && !isDense(t.posting.count, c.file.Len()) {
		if list, err = c.file.postingData(c.r, t.posting); err != nil {
			return 0, err
		}
	}
	if list == nil || in.bitmap == nil {
		places, err := c.Places(t)
		if err != nil {
			return 0, err
		}
		return places.AndLen(in), nil
	}
	at := uint64(0)
	for range t.posting.count {
		delta, size := uvarint(list)
		if at += delta; size <= 0 || at >= uint64(c.file.Len()) {
			return 0, ErrBad
		}
		list = list[size:]
		if at/8 < uint64(len(in.bitmap)) {
			n += int(in.bitmap[at/8] >> (at % 8) & 1)
		}
	}
	return n, nil
}

// uvarint is binary.Uvarint, faster for numbers of one byte.
func uvarint(b []byte) (x uint64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// Dense returns the same set, of n places, in the form in which looking up one is fastest.
func (p *Places) Dense(n int) *Places {
	if p.bitmap != nil {
		return p
	}
	dense := &Places{bitmap: make([]byte, (n+7)/8), n: p.n}
	for _, place := range p.list {
		dense.bitmap[place/8] |= 1 << (place % 8)
	}
	return dense
}

// IsExact reports whether the count of a value in a facet is that of all records with it. The count
// is zero if the facet does not have the value.
func (f *File) IsExact(r io.ReaderAt, facet Facet, value string) (bool, error) {
	if facet.Complete {
		return true, nil
	}
	text, ok := encodeText(value)
	if !ok || value == "" {
		return false, nil
	}
	p, found, err := f.term(r, NewHasher(f.Ledger).Term(facet.Field, text))
	if err != nil || !found {
		return err == nil, err
	}
	at := slices.IndexFunc(facet.Values, func(v FacetValue) bool { return v.Text == string(text) })
	return at >= 0 && facet.Values[at].Count == uint64(p.count), nil
}

// HasOne estimates which entries have one of the texts, which are as in the JSON; "" stands for
// none.
func (c *Column) HasOne(texts ...string) (e Estimate, err error) {
	e = Estimate{NoPlaces(), NoPlaces()}
	for i, text := range texts {
		if slices.Contains(texts[:i], text) {
			continue
		}
		var one Estimate
		if text == "" {
			one, err = c.hasNone()
		} else {
			one, err = c.has(text)
		}
		if err != nil {
			return e, err
		}
		e = e.Or(one, c.file.Len())
	}
	return e, nil
}

func (c *Column) has(text string) (Estimate, error) {
	at := slices.IndexFunc(c.facet.Values, func(v FacetValue) bool { return v.Text == text })
	if at < 0 && c.facet.Complete {
		return Estimate{NoPlaces(), NoPlaces()}, nil
	}
	v := FacetValue{Text: text}
	if at >= 0 {
		v = c.facet.Values[at]
	}
	return c.hasValue(v)
}

// hasValue estimates which entries have a value that was counted.
func (c *Column) hasValue(v FacetValue) (Estimate, error) {
	t, certain, err := c.Term(v)
	if err != nil {
		return Estimate{}, err
	}
	places, err := c.Places(t)
	if err != nil {
		return Estimate{}, err
	}
	if certain {
		return Estimate{places, NoPlaces()}, nil
	}
	return Estimate{NoPlaces(), places.And(c.all)}, nil
}

// hasNone estimates which entries have no text.
func (c *Column) hasNone() (Estimate, error) {
	e, err := c.matching(func(string) bool { return true })
	return e.Not(c.all), err
}

// HasMatch estimates which entries have a text that matches a pattern, as in filters.
func (c *Column) HasMatch(patterns []string) (Estimate, error) {
	return c.matching(func(text string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return policy.Match(p, text) })
	})
}

func (c *Column) matching(matches func(text string) bool) (Estimate, error) {
	n := c.file.Len()
	e := Estimate{NoPlaces(), NoPlaces()}
	open := c.all // entries whose text is not known
	for _, v := range c.facet.Values {
		if c.facet.Complete && !matches(v.Text) {
			continue
		}
		one, err := c.hasValue(v)
		if err != nil {
			return e, err
		}
		open = open.Minus(one.Sure)
		if matches(v.Text) {
			e = e.Or(one, n)
		}
	}
	if !c.facet.Complete {
		e = e.Or(Estimate{NoPlaces(), open}, n)
	}
	return e, nil
}

// NameTexts returns the texts in JSON of a name that a filter has: as it is, and escaped. ok is
// false if it is so long that records have it cut, with its hash.
func NameTexts(name string) (texts []string, ok bool) {
	if _, cut := record.CutName(name); cut {
		return nil, false
	}
	for _, form := range []string{name, record.EscapeName(name)} {
		if encoded, ok := encodeText(form); ok && !slices.Contains(texts, string(encoded)) {
			texts = append(texts, string(encoded))
		}
	}
	return texts, true
}

// size returns a number of places that are enough for all of the set.
func (p *Places) size() int {
	if p.bitmap != nil {
		return 8 * len(p.bitmap)
	}
	if len(p.list) == 0 {
		return 0
	}
	return int(p.list[len(p.list)-1]) + 1
}

// contains reports whether a place is in the set.
func (p *Places) contains(place int) bool {
	if p.bitmap != nil {
		return place/8 < len(p.bitmap) && p.has(place)
	}
	at := lowerBound(p.list, place)
	return at < len(p.list) && int(p.list[at]) == place
}

// Minus returns the places that p has and q does not.
func (p *Places) Minus(q *Places) *Places {
	if p.n == 0 || q.n == 0 {
		return p
	}
	rest := &Places{n: p.n}
	if p.bitmap == nil {
		for _, place := range p.list {
			if !q.contains(int(place)) {
				rest.list = append(rest.list, place)
			}
		}
		rest.n = len(rest.list)
		return rest
	}
	rest.bitmap = slices.Clone(p.bitmap)
	if q.bitmap == nil {
		for _, place := range q.list {
			if rest.contains(int(place)) {
				rest.bitmap[place/8] &^= 1 << (place % 8)
				rest.n--
			}
		}
		return rest
	}
	rest.n = 0
	for i := range rest.bitmap {
		if i < len(q.bitmap) {
			rest.bitmap[i] &^= q.bitmap[i]
		}
		rest.n += bits.OnesCount8(rest.bitmap[i])
	}
	return rest
}

// AndLen returns how many places both sets have.
func (p *Places) AndLen(q *Places) (n int) {
	if q.bitmap == nil && (p.bitmap != nil || len(q.list) < len(p.list)) {
		p, q = q, p
	}
	switch {
	case p.bitmap != nil: // both
		a, b := p.bitmap, q.bitmap
		for ; len(a) >= 8 && len(b) >= 8; a, b = a[8:], b[8:] {
			n += bits.OnesCount64(binary.LittleEndian.Uint64(a) & binary.LittleEndian.Uint64(b))
		}
		for i := range min(len(a), len(b)) {
			n += bits.OnesCount8(a[i] & b[i])
		}
	case q.bitmap == nil && len(p.list) > len(q.list)/16: // merged
		at := 0
		for _, place := range p.list {
			for at < len(q.list) && q.list[at] < place {
				at++
			}
			if at < len(q.list) && q.list[at] == place {
				n++
			}
		}
	default:
		for _, place := range p.list {
			if q.contains(int(place)) {
				n++
			}
		}
	}
	return n
}

// CountIn returns how many places from one to before another are in the set.
func (p *Places) CountIn(from, to int) (n int) {
	if p.bitmap == nil {
		return lowerBound(p.list, to) - lowerBound(p.list, from)
	}
	to = min(to, 8*len(p.bitmap))
	for ; from < to && from%8 != 0; from++ {
		n += int(p.bitmap[from/8] >> (from % 8) & 1)
	}
	for ; from+64 <= to; from += 64 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(p.bitmap[from/8:]))
	}
	for ; from+8 <= to; from += 8 {
		n += bits.OnesCount8(p.bitmap[from/8])
	}
	for ; from < to; from++ {
		n += int(p.bitmap[from/8] >> (from % 8) & 1)
	}
	return n
}

// Collect returns the set of the places that fill adds, of n in all: those from one to before
// another, with each call.
func Collect(n int, fill func(add func(from, to int))) *Places {
	p := &Places{bitmap: make([]byte, (n+7)/8)}
	fill(func(from, to int) {
		for place := from; place < min(to, n); place++ {
			if place%8 == 0 && place+8 <= min(to, n) {
				p.bitmap[place/8] = 0xff
				place += 7
				continue
			}
			p.bitmap[place/8] |= 1 << (place % 8)
		}
	})
	for _, b := range p.bitmap {
		p.n += bits.OnesCount8(b)
	}
	return p
}
