package query

import (
	"cmp"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/calendar"
	"github.com/opendeed/audit/record"
)

// Tally counts records by facets, at most 10,000 values of each. It is for implementations of
// [Counter], and must not be used concurrently.
type Tally struct {
	top     int
	records int64
	tables  []facetTable
	partial record.Record
}

// NewTally returns a Tally of facets, which must be valid.
func NewTally(by Facets) *Tally {
	t := &Tally{top: by.Top}
	for _, facet := range by.By {
		t.tables = append(t.tables, facetTable{by: facet, zone: cmp.Or(by.Zone, time.UTC), values: map[facetKey]int64{}})
	}
	return t
}

// Add adds a record.
func (t *Tally) Add(r *record.Record) {
	t.records++
	for i := range t.tables {
		table := &t.tables[i]
		table.add(table.keyOf(r), 1)
	}
}

// AddLine adds the record of a line. The error is that of decoding it.
func (t *Tally) AddLine(l *Line) error {
	if setPartial(&t.partial, l) {
		t.Add(&t.partial)
		return nil
	}
	var r record.Record
	if err := r.UnmarshalJSON([]byte(l.JSON)); err != nil {
		return err
	}
	t.Add(&r)
	return nil
}

// AddRecords adds records that were counted elsewhere, without their values. i below is the
// number of a facet in Facets.By.
func (t *Tally) AddRecords(n int64) { t.records += n }

// AddText adds n values of a facet, which is neither ByActor, ByDay nor ByHour.
func (t *Tally) AddText(i int, text string, n int64) { t.tables[i].add(facetKey{text: text}, n) }

// AddActor adds n values of ByActor.
func (t *Tally) AddActor(i int, a audit.Actor, n int64) {
	t.tables[i].add(facetKey{text: a.ID, kind: a.Type}, n)
}

// AddTime adds n values of ByDay or ByHour, of records in the day or hour of a time.
func (t *Tally) AddTime(i int, at time.Time, n int64) { t.tables[i].add(t.tables[i].keyOfTime(at), n) }

// AddOthers adds n values that are not known.
func (t *Tally) AddOthers(i int, n int64) { t.tables[i].others += n }

// AddTally adds what another Tally of the same facets has counted.
func (t *Tally) AddTally(o *Tally) {
	t.records += o.records
	for i := range o.tables {
		for key, n := range o.tables[i].values {
			t.tables[i].add(key, n)
		}
		t.tables[i].others += o.tables[i].others
	}
}

// IsFull reports whether a facet has 10,000 values. Others that were added are not known.
func (t *Tally) IsFull(i int) bool { return len(t.tables[i].values) >= maxFacetValues }

// Bytes returns about how much memory the counts take.
func (t *Tally) Bytes() (n int) {
	const each = 80 // without the text
	for i := range t.tables {
		for key := range t.tables[i].values {
			n += each + len(key.text)
		}
	}
	return n
}

// Counts returns what was counted.
func (t *Tally) Counts() *Counts {
	counts := &Counts{Records: t.records}
	for i := range t.tables {
		counts.Facets = append(counts.Facets, t.tables[i].counts(t.top))
	}
	return counts
}

// facetTable counts the values of a facet.
type facetTable struct {
	by     Facet
	zone   *time.Location
	values map[facetKey]int64
	others int64
}

// facetKey is a value: a text, of an actor with the type, or a time in Unix seconds.
type facetKey struct {
	text  string
	kind  audit.ActorType
	start int64
}

// add adds n records with a value.
func (t *facetTable) add(key facetKey, n int64) {
	if _, known := t.values[key]; !known && len(t.values) >= maxFacetValues {
		t.others += n
		return
	}
	t.values[key] += n
}

func (t *facetTable) keyOf(r *record.Record) facetKey {
	switch t.by {
	case ByActor:
		return facetKey{text: r.Actor.ID, kind: r.Actor.Type}
	case ByAction:
		return facetKey{text: r.Action}
	case ByOperation:
		if r.Operation == audit.OperationUnspecified {
			return facetKey{}
		}
		return facetKey{text: r.Operation.String()}
	case ByOutcome:
		return facetKey{text: r.Outcome.String()}
	case ByKind:
		return facetKey{text: r.Kind.String()}
	case ByTargetType:
		return facetKey{text: r.Target.Type}
	case ByTenant:
		return facetKey{text: r.Tenant}
	case ByChannel:
		return facetKey{text: r.Channel}
	default:
		return t.keyOfTime(r.Time)
	}
}

// keyOfTime returns the beginning of the day or hour of a time.
func (t *facetTable) keyOfTime(at time.Time) facetKey {
	if t.by == ByDay {
		year, month, day := at.In(t.zone).Date()
		return facetKey{start: calendar.DayStart(year, month, day, t.zone).Unix()}
	}
	const hour = 3600 // in a zone whose offset is not whole hours, or when it changes
	_, offset := at.In(t.zone).Zone()
	local := at.Unix() + int64(offset)
	return facetKey{start: local - ((local%hour)+hour)%hour - int64(offset)}
}

func (t *facetTable) valueOf(key facetKey, n int64) FacetValue {
	v := FacetValue{Value: key.text, Records: n}
	switch t.by {
	case ByActor:
		v.Actor = audit.Actor{Type: key.kind, ID: key.text}
		v.Value = key.kind.String()
		if key.text != "" {
			v.Value += "/" + key.text
		}
	case ByDay:
		v.Start = time.Unix(key.start, 0).In(t.zone)
		v.Value = v.Start.Format(time.DateOnly)
	case ByHour:
		v.Start = time.Unix(key.start, 0).In(t.zone)
		v.Value = v.Start.Format(time.RFC3339)
	default:
	}
	return v
}

func (t *facetTable) counts(top int) FacetCounts {
	c := FacetCounts{By: t.by, Others: t.others, Incomplete: t.others > 0}
	for key, n := range t.values {
		c.Values = append(c.Values, t.valueOf(key, n))
	}
	slices.SortFunc(c.Values, func(a, b FacetValue) int {
		if t.by == ByDay || t.by == ByHour {
			return a.Start.Compare(b.Start)
		}
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.Value, b.Value))
	})
	if top > 0 && top < len(c.Values) && t.by != ByDay && t.by != ByHour {
		for _, v := range c.Values[top:] {
			c.Others += v.Records
		}
		c.Values = c.Values[:top:top]
	}
	return c
}
