package ledgerquery

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
)

// facetFields are the fields of which an index has the counts.
var facetFields = map[query.Facet]index.Field{
	query.ByActor: index.ActorID, query.ByAction: index.Action, query.ByOperation: index.Operation, query.ByOutcome: index.Outcome,
	query.ByKind: index.Kind, query.ByTargetType: index.TargetType, query.ByTenant: index.Tenant, query.ByChannel: index.Channel,
}

// errIncomplete means that the index of a part does not have all values of a facet.
var errIncomplete = errors.New("an index does not have all values")

// partCount counts a part by its index.
type partCount struct {
	*counting

	part   *part
	r      io.ReaderAt
	facets []index.Facet
	all    *index.Places // of the entries that are records
	found  index.Estimate
	runs   []run // of those in found.Sure, if times are counted
	whole  bool  // all records match for certain
}

// add counts what the index knows for certain. What is left open is in found.Maybe.
func (p *partCount) add() (err error) {
	if err := p.open(); err != nil {
		return err
	}
	if p.found, err = p.estimate(&p.search.Filter); err != nil {
		return err
	}
	times, err := p.within()
	if err != nil {
		return err
	}
	p.found = p.found.And(times, p.part.Len())
	if err := p.doubtRepeats(); err != nil {
		return err
	}
	if p.timed {
		if err := p.splitTimes(); err != nil {
			return err
		}
	}
	tables, types, err := p.tables()
	if err != nil {
		return err
	}
	p.tally.AddRecords(int64(p.found.Sure.Len()))
	for i, facet := range p.by.By {
		switch facet {
		case query.ByDay, query.ByHour:
			p.addTimes(i)
		case query.ByActor:
			err = p.addActors(i, &tables[i], &types)
		default:
			err = p.addTexts(i, &tables[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tables reads the values of all facets, and the types of actors.
func (p *partCount) tables() (tables []table, types table, err error) {
	p.whole = p.found.Sure.Len() == p.all.Len()
	tables = make([]table, len(p.by.By))
	for i, facet := range p.by.By { // first, since these may doubt entries of a whole part
		if facet != query.ByActor {
			continue
		}
		if types, err = p.table(index.ActorType, true); err == nil && !types.column.Complete() {
			err = errIncomplete
		}
		if err == nil {
			tables[i], err = p.table(index.ActorID, !p.whole || !types.isOne(p.all.Len()))
		}
		if err != nil {
			return nil, types, err
		}
	}
	for i, facet := range p.by.By {
		if field, ok := facetFields[facet]; ok && facet != query.ByActor {
			if tables[i], err = p.table(field, false); err != nil {
				return nil, types, err
			}
		}
	}
	return tables, types, nil
}

func (p *partCount) open() (err error) {
	if p.facets, err = p.part.file.Facets(p.r); err != nil {
		return err
	}
	invalid, err := p.part.file.Invalid(p.r)
	p.all = index.AllPlaces(p.part.Len())
	if len(invalid) > 0 {
		p.all = p.all.Minus(index.Collect(p.part.Len(), func(add func(from, to int)) {
			for _, place := range invalid {
				add(place, place+1)
			}
		}))
	}
	return err
}

func (p *partCount) column(field index.Field) index.Column {
	return p.part.file.Column(p.r, p.facets, field, p.all)
}

// doubt makes entries be read.
func (p *partCount) doubt(places *index.Places) { p.found = p.found.Doubt(places, p.part.Len()) }

// doubtRepeats makes the entries be read that may repeat an earlier one.
func (p *partCount) doubtRepeats() error {
	repeats, err := p.part.file.Repeats(p.r)
	if err != nil {
		return err
	}
	if p.part.since > max(p.snapshot.floor, p.part.first-min(p.part.first, index.Window)) {
		p.doubt(p.all) // nobody has looked for all of them
		return nil
	}
	if len(repeats) > 0 {
		p.doubt(index.Collect(p.part.Len(), func(add func(from, to int)) {
			for place := range repeats {
				add(place, place+1)
			}
		}))
	}
	return nil
}

// table has the values of a field that can be counted.
type table struct {
	column index.Column
	values []tableValue
}

type tableValue struct {
	index.FacetValue

	places *index.Places // nil: not read, since all records are counted
}

// isOne reports whether all of n records have the same value.
func (t *table) isOne(n int) bool { return len(t.values) == 1 && t.values[0].Count == uint64(n) }

// table reads the values of a field, with their places if paired is true or if not all records are
// counted. It doubts entries that may have a value. The error is errIncomplete if there are others,
// unless the count is quick.
func (p *partCount) table(field index.Field, paired bool) (t table, err error) {
	t.column = p.column(field)
	if !t.column.Complete() && !p.by.Quick {
		return t, errIncomplete
	}
	for _, v := range t.column.Values() {
		if p.whole && !paired {
			t.values = append(t.values, tableValue{v, nil})
			continue
		}
		places, certain, err := t.column.Places(v)
		if err != nil {
			return t, err
		}
		switch {
		case certain:
			t.values = append(t.values, tableValue{v, places})
		case t.column.Complete():
			p.doubt(places)
			p.whole = false
		}
	}
	return t, nil
}

// count returns how many of the entries that match have a value.
func (p *partCount) count(v *tableValue) int {
	if v.places == nil {
		return int(v.Count)
	}
	return p.found.Sure.AndLen(v.places)
}

// addTexts adds the values of a facet.
func (p *partCount) addTexts(i int, t *table) error {
	left := p.found.Sure.Len()
	for _, v := range t.values {
		if left == 0 {
			break
		}
		n := p.count(&v)
		if n == 0 {
			continue
		}
		text, err := decodeText(v.Text)
		if err != nil {
			return err
		}
		p.tally.AddText(i, text, int64(n))
		left -= n
	}
	p.addRest(i, t, left, func(n int) { p.tally.AddText(i, "", int64(n)) })
	return nil
}

// addRest adds the entries that have none of the known values: those without one, if there are no
// others.
func (p *partCount) addRest(i int, t *table, left int, addNone func(n int)) {
	switch {
	case !t.column.Complete():
		p.tally.AddOthers(i, int64(left))
		p.incomplete[i] = append(p.incomplete[i], t.column)
	case left > 0:
		addNone(left)
	}
}

// addActors adds the values of ByActor, which are pairs of an ID and a type.
func (p *partCount) addActors(i int, t, types *table) error {
	rest, left := p.found.Sure, p.found.Sure.Len()
	for _, v := range t.values {
		of := v.places
		if of == nil { // all records have one type
			of = types.values[0].places
		} else if of = p.found.Sure.And(of); of.Len() > 0 {
			rest = rest.Minus(of)
		}
		n := p.count(&v)
		if n == 0 {
			continue
		}
		id, err := decodeText(v.Text)
		if err != nil {
			return err
		}
		if err := p.addTyped(i, id, of, n, types); err != nil {
			return err
		}
		left -= n
	}
	var err error
	p.addRest(i, t, left, func(n int) { err = p.addTyped(i, "", rest, n, types) })
	return err
}

// addTyped adds n entries of actors with an ID, of which places has their types.
func (p *partCount) addTyped(i int, id string, places *index.Places, n int, types *table) error {
	for _, v := range types.values {
		of := n
		if !types.isOne(p.all.Len()) {
			of = places.AndLen(v.places)
		}
		kind, ok := actorTypes[v.Text]
		if !ok {
			return index.ErrBad
		}
		if of > 0 {
			p.tally.AddActor(i, audit.Actor{Type: kind, ID: id}, int64(of))
			n -= of
		}
		if n == 0 {
			return nil
		}
	}
	p.tally.AddActor(i, audit.Actor{ID: id}, int64(n))
	return nil
}

// actorTypes are the types of actors by their words.
var actorTypes = func() map[string]audit.ActorType {
	types := map[string]audit.ActorType{}
	for t := audit.ActorType(0); t.Valid(); t++ {
		types[t.String()] = t
	}
	return types
}()

func (p *partCount) addTimes(i int) {
	for _, run := range p.runs {
		if n := p.found.Sure.CountIn(run.from, run.to); n > 0 {
			p.tally.AddTime(i, run.at, int64(n))
		}
	}
}

// markValues says which counts may be too low: all, or those of values that a part may have more
// of than its index has counted.
func (c *counting) markValues(f *query.FacetCounts, incomplete []index.Column, all bool) error {
	for i := range f.Values {
		v := &f.Values[i]
		v.AtLeast = all
		if len(incomplete) == 0 || all {
			continue
		}
		if c.by.Top == 0 {
			v.AtLeast = true
			continue
		}
		text := v.Value
		if f.By == query.ByActor {
			text = v.Actor.ID
		}
		for _, column := range incomplete {
			exact, err := column.IsExact(text)
			if err != nil {
				return err
			}
			v.AtLeast = v.AtLeast || !exact
		}
	}
	return nil
}

// decodeText reverses the encoding of a text in JSON, without the quotes.
func decodeText(text string) (decoded string, err error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	err = json.Unmarshal([]byte(`"`+text+`"`), &decoded)
	return decoded, err
}
