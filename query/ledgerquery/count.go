package ledgerquery

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/record"
)

var _ query.Counter = (*Reader)(nil)

// facetFields are the fields of which an index has the counts.
var facetFields = map[query.Facet]index.Field{
	query.ByAction: index.Action, query.ByOperation: index.Operation, query.ByOutcome: index.Outcome, query.ByKind: index.Kind,
	query.ByTargetType: index.TargetType, query.ByTenant: index.Tenant, query.ByChannel: index.Channel,
}

// CountRecords implements query.Counter. It adds up what the indexes have counted, and reads
// the entries of parts that have no index, or that a range of times cuts. All counts are exact.
// It supports filters of times only, and no counts by actor, day and hour.
func (r *Reader) CountRecords(ctx context.Context, f query.Filter, by query.Facets) (*query.Counts, error) {
	var fields []index.Field
	for _, facet := range by.By {
		field, ok := facetFields[facet]
		if !ok {
			return nil, errors.ErrUnsupported
		}
		fields = append(fields, field)
	}
	rest := f
	rest.Since, rest.Until, rest.Ascending = time.Time{}, time.Time{}, false
	if !reflect.ValueOf(rest).IsZero() {
		return nil, errors.ErrUnsupported
	}
	s, err := newSearch(f, true)
	if err != nil {
		return nil, err
	}
	snap, err := r.known.refresh(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	defer func() { _ = snap.close() }() // only read
	if len(snap.damage) > 0 {
		return nil, errors.ErrUnsupported // a search says what cannot be read
	}
	c := counting{search: s, snapshot: snap, fields: fields, tally: query.NewTally(by)}
	counts, err := c.count(ctx)
	if bad, ok := errors.AsType[*badIndexError](err); ok {
		r.known.reject(bad.part, bad.err)
		return nil, errors.ErrUnsupported
	}
	return counts, err
}

// counting is a count under way.
type counting struct {
	search   *search
	snapshot *snapshot
	fields   []index.Field
	tally    *query.Tally
}

func (c *counting) count(ctx context.Context) (*query.Counts, error) {
	from, to := c.search.times()
	var others []*part
	for _, p := range c.snapshot.parts {
		counted := false
		if p.file != nil && from <= p.oldest && (p.newest < to || c.search.Until.IsZero()) {
			var err error
			if counted, err = c.addIndex(ctx, p); err != nil {
				return nil, err
			}
		}
		if !counted {
			others = append(others, p)
		}
	}
	var damage error
	err := find(ctx, c.search, c.snapshot, others, func(m *match, err error) bool {
		if err == nil {
			err = c.tally.AddLine(&m.Line)
		}
		damage = err
		return err == nil
	})
	if damage != nil {
		return nil, errors.ErrUnsupported // a search says all that cannot be read
	}
	if err != nil {
		return nil, err
	}
	counts := c.tally.Counts()
	for i := range counts.Facets {
		if counts.Facets[i].Incomplete {
			return nil, errors.ErrUnsupported
		}
	}
	return counts, nil
}

// maxRepeats is how many entries of a part may repeat earlier ones. Each is read.
const maxRepeats = 1000

// addIndex adds the counts of an index. It reports false if they are not exact.
func (c *counting) addIndex(ctx context.Context, p *part) (ok bool, err error) {
	r := c.snapshot.indexOf(p)
	facets, err := p.file.Facets(r)
	if err != nil {
		return false, &badIndexError{p, err}
	}
	invalid, err := p.file.Invalid(r)
	if err != nil {
		return false, &badIndexError{p, err}
	}
	repeats, err := p.file.Repeats(r)
	if err != nil {
		return false, &badIndexError{p, err}
	}
	if len(repeats) > maxRepeats || p.since > max(c.snapshot.floor, p.first-min(p.first, index.Window)) {
		return false, nil
	}
	counts := make([]map[string]int64, len(c.fields))
	for i, field := range c.fields {
		if counts[i], ok = countsOf(facets, field); !ok {
			return false, nil
		}
	}
	c.tally.AddCounted(int64(p.file.Len()-len(invalid)), counts)
	return true, c.removeRepeated(ctx, p, repeats)
}

// countsOf returns how many records have which text of a field. It reports false if the index
// does not have all of them.
func countsOf(facets []index.Facet, field index.Field) (counts map[string]int64, ok bool) {
	counts = map[string]int64{}
	for _, facet := range facets {
		if facet.Field != field {
			continue
		}
		for _, v := range facet.Values {
			if strings.IndexByte(v.Text, '\\') >= 0 {
				return nil, false // it is escaped
			}
			counts[v.Text] = int64(v.Count)
		}
		return counts, facet.Complete
	}
	return counts, true // no record has the field
}

// removeRepeated takes back records that were stored before.
func (c *counting) removeRepeated(ctx context.Context, p *part, repeats map[int][]uint64) error {
	f := fetcher{search: c.search, snapshot: c.snapshot, hasher: index.NewHasher(p.segment.Ledger)}
	for place := range repeats {
		seq := p.first + uint64(place)
		for e, err := range c.snapshot.ledger.Entries(ctx, seq) {
			if err != nil || e.Seq != seq {
				return &badIndexError{p, index.ErrBad}
			}
			repeated, err := f.isRepeated(ctx, candidate{part: &partSearch{part: p, repeats: repeats}, place: place}, e.Data)
			if err != nil {
				return err
			}
			var r record.Record
			if err := r.UnmarshalJSON(e.Data); err != nil {
				return &badIndexError{p, index.ErrBad}
			}
			if repeated {
				c.tally.Remove(&r)
			}
			break
		}
	}
	return nil
}
