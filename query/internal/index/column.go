package index

import (
	"io"
	"slices"

	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
)

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
