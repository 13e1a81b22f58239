package index

import (
	"cmp"
	"io"
	"slices"
)

// fewPlaces is a number of entries that are read rather than ruled out by further terms.
const fewPlaces = 16

// Matching returns the places of the entries that meet all conditions, or nil if the index
// does not rule out any. Some of them may not.
func (f *File) Matching(r io.ReaderAt, conditions []Clause) (*Places, error) {
	found := make([]meeting, 0, len(conditions))
	for i := range conditions {
		m, err := f.find(r, &conditions[i])
		if err != nil {
			return nil, err
		}
		if m.known {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b meeting) int { return cmp.Compare(a.count, b.count) })
	var all *Places
	for i := range found {
		if all != nil && all.Len() <= fewPlaces {
			break
		}
		if found[i].count >= f.Len() {
			break // all entries have it
		}
		places, err := f.union(r, found[i].terms)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = places
		} else {
			all = all.And(places)
		}
	}
	return all, nil
}

// meeting is what an index says of a condition.
type meeting struct {
	known bool
	terms []posting
	count int // of the entries that meet it, at most
}

// find looks up the terms of a condition.
func (f *File) find(r io.ReaderAt, c *Clause) (m meeting, err error) {
	if f.Fields>>c.field&1 == 0 {
		return m, nil
	}
	keys := c.keys
	if c.matches != nil {
		if keys, m.known, err = f.keysOf(r, c); err != nil || !m.known {
			return m, err
		}
	}
	m.known = true
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			continue
		}
		p, ok, err := f.term(r, key)
		if err != nil {
			return m, err
		}
		if ok {
			m.terms, m.count = append(m.terms, p), m.count+p.count
		}
	}
	return m, nil
}

// keysOf returns the keys of the texts that meet a condition. ok is false if the index does
// not have all texts of the field.
func (f *File) keysOf(r io.ReaderAt, c *Clause) (keys []Key, ok bool, err error) {
	facets, err := f.Facets(r)
	if err != nil {
		return nil, false, err
	}
	for _, facet := range facets {
		if facet.Field != c.field {
			continue
		}
		for _, v := range facet.Values {
			if c.matches(v.Text) {
				keys = append(keys, NewHasher(f.Ledger).Term(c.field, []byte(v.Text)))
			}
		}
		return keys, facet.Complete, nil
	}
	return nil, true, nil // no entry has the field
}

// union returns the places of all terms.
func (f *File) union(r io.ReaderAt, terms []posting) (*Places, error) {
	all := NoPlaces()
	for _, p := range terms {
		places, err := f.places(r, p)
		if err != nil {
			return nil, err
		}
		all = all.Or(places, f.Len())
	}
	return all, nil
}
