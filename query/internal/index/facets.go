package index

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// The limits of facets.
const (
	maxFacet       = 256  // most values of which all are kept
	maxActive      = 64   // of a field with more values, the most frequent ones
	maxCounted     = 8192 // most values that are counted
	maxFacetBytes  = 16 << 10
	facetOverheads = 8
)

// Facet has values of a field, the most frequent first.
type Facet struct {
	Field Field
	// Complete reports whether Values has all values, with exact counts. Otherwise there
	// are others, and each count is the least that is known.
	Complete bool
	Values   []FacetValue
}

// FacetValue is a value and the number of records that have it.
type FacetValue struct {
	// Text is as in the record's JSON, without the quotes.
	Text  string
	Count uint64
}

// facets counts the values of faceted fields.
type facets [fields]*facet

type facet struct {
	values  map[string]*FacetValue
	partial bool // there are more values
}

// add counts the value of a slot.
func (f *facets) add(field Field, s *slot) {
	if s.facet == nil {
		if s.facet = f.value(field, s.json[1:len(s.json)-1]); s.facet == nil {
			return
		}
	}
	s.facet.Count++
}

// of returns the facet of a field.
func (f *facets) of(field Field) *facet {
	if f[field] == nil {
		f[field] = &facet{values: map[string]*FacetValue{}}
	}
	return f[field]
}

// value returns the value that counts a text, or nil if there are too many.
func (f *facets) value(field Field, text []byte) *FacetValue {
	in := f.of(field)
	v := in.values[string(text)]
	switch {
	case v != nil:
	case len(in.values) < maxCounted:
		v = &FacetValue{Text: string(text)}
		in.values[v.Text] = v
	default:
		in.partial = true
	}
	return v
}

// sorted returns what is kept of each field.
func (f *facets) sorted() []Facet {
	var all []Facet
	for field := Field(1); field < fields; field++ {
		in := f[field]
		if in == nil {
			continue
		}
		kept, least := Facet{Field: field, Complete: !in.partial}, in.least()
		for _, v := range in.values {
			if v.Count >= least {
				kept.Values = append(kept.Values, *v)
			}
		}
		slices.SortFunc(kept.Values, func(a, b FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
		})
		if len(in.values) > maxFacet {
			kept.Complete, kept.Values = false, kept.Values[:maxActive]
		}
		size := 0
		for i, v := range kept.Values {
			if size += len(v.Text) + facetOverheads; size > maxFacetBytes {
				kept.Complete, kept.Values = false, kept.Values[:i]
				break
			}
		}
		all = append(all, kept)
	}
	return all
}

// least returns the least count of the values that are kept.
func (in *facet) least() uint64 {
	if len(in.values) <= maxFacet {
		return 0
	}
	counts := make([]uint64, 0, len(in.values))
	for _, v := range in.values {
		counts = append(counts, v.Count)
	}
	slices.Sort(counts)
	return counts[len(counts)-maxActive]
}

// appendFacets appends the section of the facets.
func appendFacets(b []byte, all []Facet) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, f := range all {
		complete := byte(0)
		if f.Complete {
			complete = 1
		}
		b = append(b, byte(f.Field), complete)
		b = binary.AppendUvarint(b, uint64(len(f.Values)))
		for _, v := range f.Values {
			b = binary.AppendUvarint(b, v.Count)
			b = binary.AppendUvarint(b, uint64(len(v.Text)))
			b = append(b, v.Text...)
		}
	}
	return b
}

// readFacets reverses appendFacets.
func readFacets(b []byte) ([]Facet, error) {
	d := decoder{b: b}
	all := make([]Facet, d.count(3))
	for i := range all {
		f := &all[i]
		f.Field, f.Complete = Field(d.byte()), d.byte() == 1
		f.Values = make([]FacetValue, d.count(2))
		for j := range f.Values {
			f.Values[j].Count = d.uvarint()
			f.Values[j].Text = string(d.bytes(d.count(1)))
		}
	}
	return all, d.err
}
