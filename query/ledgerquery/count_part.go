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
	*partCounts

	part   *part
	r      io.ReaderAt
	facets []index.Facet
	all    *index.Places // of the entries that are records
	found  index.Estimate
	runs   []run // of those in found.Sure, if times are counted
}

// add counts what the index knows for certain. What is left open is in found.Maybe.
func (p *partCount) add() (err error) {
	giveWay()
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

// tables looks up the values of all facets, and the types of actors. It doubts entries that may
// have one of several values, so nothing may be counted before.
func (p *partCount) tables() (tables []table, types table, err error) {
	tables = make([]table, len(p.by.By))
	for i, facet := range p.by.By { // first, since they may doubt entries where all matched
		if facet == query.ByActor {
			if tables[i], types, err = p.actorTables(); err != nil {
				return nil, types, err
			}
		}
	}
	whole := p.isWhole()
	for i, facet := range p.by.By {
		if field, ok := facetFields[facet]; ok && facet != query.ByActor {
			if tables[i], err = p.table(field, whole); err != nil {
				return nil, types, err
			}
		}
	}
	p.found.Sure = p.found.Sure.Dense(p.part.Len())
	return tables, types, nil
}

// isWhole reports whether all records match for certain.
func (p *partCount) isWhole() bool { return p.found.Sure.Len() == p.all.Len() }

// actorTables looks up the IDs of actors, and their types.
func (p *partCount) actorTables() (ids, types table, err error) {
	if types, err = p.table(index.ActorType, false); err == nil && !types.column.Facet().Complete {
		err = errIncomplete
	}
	if err != nil {
		return ids, types, err
	}
	ids, err = p.table(index.ActorID, p.isWhole() && types.isOne(p.all.Len()))
	return ids, types, err
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
	whole  bool // all records are counted, so the terms were not looked up
	values []tableValue
}

type tableValue struct {
	index.FacetValue

	term index.Term
}

// isOne reports whether all of n records have the same value.
func (t *table) isOne(n int) bool { return len(t.values) == 1 && t.values[0].Count == uint64(n) }

// table looks up the values of a field, unless all records are counted. It doubts entries that may
// have a value. The error is errIncomplete if there are other values, unless the count is quick.
func (p *partCount) table(field index.Field, whole bool) (t table, err error) {
	t = table{column: p.column(field), whole: whole}
	if !t.column.Facet().Complete && !p.by.Quick {
		return t, errIncomplete
	}
	for _, v := range t.column.Facet().Values {
		if whole {
			t.values = append(t.values, tableValue{FacetValue: v})
			continue
		}
		term, certain, err := t.column.Term(v)
		if err != nil {
			return t, err
		}
		switch {
		case certain:
			t.values = append(t.values, tableValue{v, term})
		case t.column.Facet().Complete:
			places, err := t.column.Places(term)
			if err != nil {
				return t, err
			}
			p.doubt(places)
		}
	}
	return t, nil
}

// count returns how many of the entries that match have a value.
func (t *table) count(v *tableValue, found *index.Places) (int, error) {
	if t.whole {
		return int(v.Count), nil
	}
	return t.column.CountIn(v.term, found)
}

// addTexts adds the values of a facet.
func (p *partCount) addTexts(i int, t *table) error {
	left := p.found.Sure.Len()
	for at := range t.values {
		if left == 0 {
			break
		}
		n, err := t.count(&t.values[at], p.found.Sure)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		text, err := decodeText(t.values[at].Text)
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
	case !t.column.Facet().Complete:
		p.tally.AddOthers(i, int64(left))
		p.incomplete[i] = t.column.Facet()
	case left > 0:
		addNone(left)
	}
}

// addActors adds the values of ByActor, which are pairs of an ID and a type.
func (p *partCount) addActors(i int, ids, types *table) error {
	kind, err := p.onlyType(types)
	if err != nil {
		return err
	}
	rest, left := p.found.Sure, p.found.Sure.Len()
	for at := range ids.values {
		if left == 0 {
			break
		}
		v := &ids.values[at]
		id, err := decodeText(v.Text)
		if err != nil {
			return err
		}
		n := 0
		if kind != nil {
			if n, err = ids.count(v, p.found.Sure); n > 0 {
				p.tally.AddActor(i, audit.Actor{Type: *kind, ID: id}, int64(n))
			}
		} else {
			var of *index.Places
			if of, err = ids.column.Places(v.term); err == nil {
				of = of.And(p.found.Sure)
				rest, n = rest.Minus(of), of.Len()
				err = p.addTyped(i, id, of, types)
			}
		}
		if err != nil {
			return err
		}
		left -= n
	}
	p.addRest(i, ids, left, func(n int) {
		if kind != nil {
			p.tally.AddActor(i, audit.Actor{Type: *kind}, int64(n))
		} else {
			err = p.addTyped(i, "", rest, types)
		}
	})
	return err
}

// onlyType returns the type that all actors of the entries that match have, or nil if there are
// several.
func (p *partCount) onlyType(types *table) (*audit.ActorType, error) {
	for at := range types.values {
		v := &types.values[at]
		kind, ok := actorTypes[v.Text]
		if !ok {
			return nil, index.ErrBad
		}
		if n, err := types.count(v, p.found.Sure); err != nil || n == p.found.Sure.Len() {
			return &kind, err
		}
	}
	return nil, nil //nolint:nilnil // none
}

// addTyped adds entries of actors with one ID.
func (p *partCount) addTyped(i int, id string, places *index.Places, types *table) error {
	left := places.Len()
	places = places.Dense(p.part.Len())
	for at := range types.values {
		if left == 0 {
			return nil
		}
		n, err := types.count(&types.values[at], places)
		if err != nil {
			return err
		}
		if n > 0 {
			p.tally.AddActor(i, audit.Actor{Type: actorTypes[types.values[at].Text], ID: id}, int64(n))
			left -= n
		}
	}
	if left > 0 {
		p.tally.AddActor(i, audit.Actor{ID: id}, int64(left))
	}
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

// decodeText reverses the encoding of a text in JSON, without the quotes.
func decodeText(text string) (decoded string, err error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	err = json.Unmarshal([]byte(`"`+text+`"`), &decoded)
	return decoded, err
}
