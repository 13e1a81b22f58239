package querytest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// findOnly hides all but Find of a Reader.
type findOnly struct{ query.Reader }

func (r findOnly) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return r.Reader.Find(ctx, f)
}

// differentCounts says how the counts of a Reader that can count differ from those of the
// records that it finds, or returns "". Values with AtLeast are not compared.
func differentCounts(t *testing.T, reader query.Reader, f query.Filter, rng *rand.Rand) string {
	t.Helper()
	_, counts := reader.(query.Counter)
	_, lines := reader.(query.LineReader)
	if !counts && !lines {
		return ""
	}
	if chance(rng, 3) { // the filters that indexes can count by
		f = query.Filter{Since: f.Since, Until: f.Until}
	} else if chance(rng, 2) {
		f = query.Filter{
			Since: f.Since, Until: f.Until, Actors: f.Actors, ActorTypes: f.ActorTypes, Tenants: f.Tenants, Channels: f.Channels,
			Actions: f.Actions, Operations: f.Operations, Outcomes: f.Outcomes, Kinds: f.Kinds,
		}
	}
	by := query.Facets{Quick: chance(rng, 2)}
	for facet := query.Facet(0); facet.Valid(); facet++ {
		if chance(rng, 3) {
			by.By = append(by.By, facet)
		}
	}
	got, err := query.Count(t.Context(), reader, f, by)
	want, errWant := query.Count(t.Context(), findOnly{reader}, f, by)
	if err != nil || errWant != nil {
		return fmt.Sprintf("Count failed: %v, %v", err, errWant)
	}
	for i := range got.Facets {
		for _, v := range got.Facets[i].Values {
			if v.AtLeast {
				return ""
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("counts by %v:\n got %+v\nwant %+v", by.By, got, want)
	}
	return ""
}
