package cli

import (
	"context"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
)

// countByIndex counts without reading the records, if the store has an index that knows all counts
// exactly. It returns what countByReading would.
func countByIndex(ctx context.Context, reader query.Reader, filter query.Filter, fields []string, zone *time.Location) (total int64, counts []map[string]int64, ok bool) {
	counter, ok := reader.(query.Counter)
	if !ok {
		return 0, nil, false
	}
	// Quick, since a store that reads after all does not do it faster.
	by := query.Facets{Zone: zone, Quick: true}
	for _, f := range fields {
		by.By = append(by.By, counted[f])
	}
	all, err := counter.CountRecords(ctx, filter, by)
	if err != nil || !all.Since.IsZero() {
		return 0, nil, false // reading reports it
	}
	for i := range all.Facets {
		values, ok := exactCounts(&all.Facets[i])
		if !ok {
			return 0, nil, false
		}
		counts = append(counts, values)
	}
	return all.Records, counts, true
}

// exactCounts returns the counts of a facet by the texts of deed stats, unless there may be more.
func exactCounts(facet *query.FacetCounts) (counts map[string]int64, ok bool) {
	if facet.Others > 0 || facet.Incomplete {
		return nil, false
	}
	counts = map[string]int64{}
	for i := range facet.Values {
		v := &facet.Values[i]
		text, ok := textOf(facet.By, v)
		if !ok || v.AtLeast {
			return nil, false
		}
		counts[text] += v.Records
	}
	return counts, true
}

// textOf returns the text of a value. An hour is that of the day: 14:00. It has none if its clock
// was changed within the hour, since its records have several then.
func textOf(by query.Facet, v *query.FacetValue) (text string, ok bool) {
	switch by {
	case query.ByActor:
		return ask.ActorText(&v.Actor), true
	case query.ByHour:
		text = v.Start.Format(timeTexts["hour"])
		return text, text == v.Start.Add(time.Hour-1).Format(timeTexts["hour"])
	default:
		return v.Value, true
	}
}
