package ledgerquery_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestWordsWithoutIndex: a ledger with indexes finds the records that have words, and counts
// them, as it does without.
func TestWordsWithoutIndex(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(31, 32))
	vocabulary := make([]string, 300)
	for i := range vocabulary {
		var b strings.Builder
		for range 2 + rng.IntN(9) {
			b.WriteString([]string{"a", "e", "n", "K", "s", "\u017f", "é", "e\u0301", "\u212a", "tor", "Mar", "0", "-", "字"}[rng.IntN(14)])
		}
		vocabulary[i] = b.String()
	}
	word := func() string {
		return vocabulary[int(float64(len(vocabulary))*rng.Float64()*rng.Float64()*rng.Float64())]
	}
	var records []*record.Record
	stored, filters, found := 4000, 40, 0
	if sampled() {
		stored, filters = 1500, 15
	}
	for i := range stored {
		r := newRecord(i)
		switch rng.IntN(4) {
		case 0:
			r.Reason = word() + " " + word()
		case 1:
			r.Failure = word()
		case 2:
			r.Actor.Name = word()
		default:
			r.Changes = []audit.Change{{Field: "title", Old: attribute.StringValue(word()), New: attribute.StringSliceValue([]string{word(), word()})}}
		}
		records = append(records, r)
	}
	indexed, plain := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, indexed, encode(t, records...))
	require.NotEmpty(t, glob(t, indexed, "*.index"))
	require.NoError(t, os.CopyFS(plain, os.DirFS(indexed)))
	require.NoError(t, chmodAll(plain))
	for _, file := range glob(t, plain, "*.index*") {
		require.NoError(t, os.Remove(file))
	}
	with, err := ledgerquery.NewReader(indexed)
	require.NoError(t, err)
	without, err := ledgerquery.NewReader(plain)
	require.NoError(t, err)
	for range filters {
		f := query.Filter{Ascending: rng.IntN(2) == 0, Limit: []int{0, 0, 1, 20}[rng.IntN(4)]}
		text := word()
		if rng.IntN(3) == 0 {
			text += " " + strings.ToUpper(word())
		}
		switch rng.IntN(4) {
		case 0:
			f.Reason = text
		case 1:
			f.Failure = text
		case 2:
			f.Text, f.Since = text, records[rng.IntN(len(records))].Time
		default:
			f.Text = text
		}
		want, errs := targets(t, without, f)
		require.Empty(t, errs)
		got, errs := targets(t, with, f)
		require.Empty(t, errs)
		require.Equal(t, want, got, "%+v", f)
		found += len(got)
		f.Limit = 0
		by := query.Facets{By: []query.Facet{query.ByActor, query.ByAction}}
		wanted, err := query.Count(t.Context(), without, f, by)
		require.NoError(t, err)
		counted, err := query.Count(t.Context(), with, f, by)
		require.NoError(t, err)
		require.Equal(t, wanted, counted, "%+v", f)
	}
	require.Greater(t, found, filters)
}
