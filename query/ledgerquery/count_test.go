package ledgerquery_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// findOnly hides all but Find of a Reader, so that Count reads every record.
type findOnly struct{ query.Reader }

func (r findOnly) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return r.Reader.Find(ctx, f)
}

var indexedFacets = []query.Facet{
	query.ByAction, query.ByOperation, query.ByOutcome, query.ByKind, query.ByTargetType, query.ByTenant, query.ByChannel,
}

// TestCountByIndex compares counts that come from indexes with those of all records, for whole
// ledgers and ranges of times, of records that were stored twice among others.
func TestCountByIndex(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	m := newModel(t, rng, 900)
	valid, records := m.entries[:0:0], m.records[:0:0]
	for _, r := range m.records {
		if r != nil {
			if r.Tenant == `odd "tenant"` && rng.IntN(50) > 0 { // an index cannot count escaped texts
				r.Tenant = "plain"
			}
			valid, records = append(valid, encode(t, r)[0]), append(records, r)
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, dir, valid)
	m.records = records
	require.Less(t, len(m.find(query.Filter{}, 0)), len(valid), "some records are stored twice")

	for round := range 60 {
		if round == 40 { // one index is missing
			require.NoError(t, os.Remove(glob(t, dir, "*.index")[1]))
		}
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		var f query.Filter
		if rng.IntN(3) > 0 {
			f.Since, f.Until = records[rng.IntN(len(records))].Time, records[rng.IntN(len(records))].Time
			if f.Until.Before(f.Since) {
				f.Since, f.Until = f.Until, f.Since
			}
			if rng.IntN(4) == 0 {
				f.Until = f.Since // nothing
			}
			if f.Validate() != nil {
				continue
			}
		}
		by := query.Facets{Top: rng.IntN(3)}
		for _, facet := range indexedFacets {
			if rng.IntN(2) == 0 {
				by.By = append(by.By, facet)
			}
		}
		got, err := reader.CountRecords(t.Context(), f, by)
		require.NoError(t, err)
		want, err := query.Count(t.Context(), findOnly{reader}, f, by)
		require.NoError(t, err)
		require.Equal(t, want, got, "%+v %v", f, by.By)
	}
}
