package ledgerquery_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// TestCountOfManyActors counts actors of whom the indexes have the most active ones only.
func TestCountOfManyActors(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	var records []*record.Record
	want := map[string]int64{}
	for i := range 3000 {
		at := time.Date(2026, 11, 23, 0, 0, i, 0, time.UTC)
		id := strconv.Itoa(rng.IntN(20_000))
		if i%4 == 0 {
			id = "busy-" + strconv.Itoa(i/4%3)
		}
		want["user/"+id]++
		records = append(records, recordAt(at, id))
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, encode(t, records...), ledger.WithSegmentSize(4*ledger.MinSegmentSize))
	for _, f := range []query.Filter{{}, {Not: []query.Filter{{Actions: []string{"other.*"}}}}} {
		counts, err := reader.CountRecords(t.Context(), f, query.Facets{By: []query.Facet{query.ByActor}, Top: 5, Quick: true})
		require.NoError(t, err)
		facet := counts.Facets[0]
		sum := facet.Others
		for i, v := range facet.Values {
			sum += v.Records
			require.LessOrEqual(t, v.Records, want[v.Value])
			require.True(t, v.AtLeast || v.Records == want[v.Value])
			require.Equal(t, i < 3, !v.AtLeast && strings.HasPrefix(v.Actor.ID, "busy-"), "%+v", v)
		}
		require.EqualValues(t, len(records), counts.Records)
		require.EqualValues(t, len(records), sum)
		require.True(t, facet.Incomplete)

		exact, err := reader.CountRecords(t.Context(), f, query.Facets{By: []query.Facet{query.ByActor}})
		require.NoError(t, err)
		require.Len(t, exact.Facets[0].Values, len(want))
	}
}

// TestCountOfVeryManyActors: a part that was read, and has more actors than are counted, may have
// missed those of other parts.
func TestCountOfVeryManyActors(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	add := func(second, actor, size int) {
		r := recordAt(time.Date(2026, 11, 23, 0, 0, second, 0, time.UTC), strconv.Itoa(actor))
		r.Reason = strings.Repeat("x", size)
		records = append(records, r)
	}
	for i := range 6 { // of the first segment, which is small
		add(i, 20_000, 200_000)
	}
	for i := range 10_100 {
		add(100+i, i, 1)
	}
	for i := range 60 { // of two segments
		add(20_000+i, i, 200_000)
	}
	want := map[string]int64{}
	for _, r := range records {
		want["user/"+r.Actor.ID]++
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openPlain(t, dir, ledger.WithSegmentSize(8<<20))
	appendAll(t, l, encode(t, records...))
	require.NoError(t, l.Close())
	require.Len(t, glob(t, dir, "*.segment"), 3)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	counts, err := reader.CountRecords(t.Context(), query.Filter{}, query.Facets{By: []query.Facet{query.ByActor}, Quick: true})
	require.NoError(t, err)
	for _, v := range counts.Facets[0].Values {
		require.True(t, v.AtLeast || v.Records == want[v.Value], "%+v, not %d", v, want[v.Value])
	}
}

// TestCountInTime counts until the time is over. Since then, all was counted.
func TestCountInTime(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for i := range 2000 {
		at := time.Date(2026, 11, 23, 0, 0, i, 0, time.UTC)
		if i == 300 || i == 900 { // by a wrong clock
			at = at.AddDate(1000+i, 0, 0)
		}
		records = append(records, recordAt(at, "1"))
	}
	reader := newIndexedReader(t, filepath.Join(t.TempDir(), "ledger"), encode(t, records...))
	by := query.Facets{By: []query.Facet{query.ByHour}, Quick: true}
	partial := 0
	for checks := range 36 { // the second time, all parts have been counted before
		checks %= 18
		counts, err := reader.CountRecords(&countedContext{t.Context(), checks}, query.Filter{}, by)
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			continue
		}
		if counts.Since.IsZero() {
			require.EqualValues(t, len(records), counts.Records)
			continue
		}
		partial++
		complete, err := query.Count(t.Context(), findOnly{reader}, query.Filter{Since: counts.Since}, by)
		require.NoError(t, err)
		require.GreaterOrEqual(t, counts.Records, complete.Records)
		require.Less(t, counts.Records, int64(len(records)))
		got := map[string]int64{}
		for _, v := range counts.Facets[0].Values {
			require.True(t, v.AtLeast)
			got[v.Value] = v.Records
		}
		for _, v := range complete.Facets[0].Values {
			require.GreaterOrEqual(t, got[v.Value], v.Records, "%v since %v", v.Value, counts.Since)
		}
		by := by
		by.Quick = false
		_, err = reader.CountRecords(&countedContext{t.Context(), checks}, query.Filter{}, by)
		require.ErrorIs(t, err, context.DeadlineExceeded, "only quick counts may be partial")
	}
	require.Positive(t, partial)
}

// countedContext ends when it has been asked some times.
type countedContext struct {
	context.Context
	left int
}

// Err reports whether it has ended.
func (c *countedContext) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}
