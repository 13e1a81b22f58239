package query_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// byID puts records with one ID into the same store of three, and half of them into the next
// as well.
func byID(stores [3]*querytest.Reader, records ...*record.Record) {
	for _, r := range records {
		n := int(r.ID[15])
		stores[n%3].Append(r)
		if n%2 == 0 {
			stores[(n+1)%3].Append(r.Clone())
		}
	}
}

func newStores() (stores [3]*querytest.Reader, union query.Reader) {
	for i := range stores {
		stores[i] = querytest.NewReader()
	}
	return stores, query.Union(query.Source{Name: "a", Reader: stores[0]}, query.Source{Name: "b", Reader: stores[1]}, query.Source{Name: "c", Reader: stores[2]})
}

func TestUnionConformance(t *testing.T) {
	querytest.Run(t, func(_ *testing.T, records []*record.Record) query.Reader {
		stores, union := newStores()
		byID(stores, records...)
		return union
	})
}

func TestUnionBesideWriter(t *testing.T) {
	querytest.RunBesideWriter(t, func(*testing.T) querytest.Store {
		stores, union := newStores()
		return querytest.Store{Reader: union, Append: func(_ *testing.T, records ...*record.Record) { byID(stores, records...) }}
	})
}

// unique is a store in which IDs are unique, so that it ignores digests of cursors.
type unique struct{ *querytest.Reader }

func (u unique) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	if after, err := query.ParseCursor(f.After); err == nil {
		all := f
		all.After, all.Limit = "", 0
		return func(yield func(*record.Record, error) bool) {
			n := 0
			for r, err := range u.Reader.Find(ctx, all) {
				p := query.Position{Time: r.Time, ID: r.ID, Digest: after.Digest}
				if c := p.Compare(after); c == 0 || (c < 0) == f.Ascending {
					continue
				}
				if n++; !yield(r, err) || n == f.Limit {
					return
				}
			}
		}
	}
	return u.Reader.Find(ctx, f)
}

// TestUnionOfCopies spreads copies, retries and different records with one ID over stores,
// and pages through them.
func TestUnionOfCopies(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 3))
		sources := make([]query.Source, 4)
		stores := make([]*querytest.Reader, len(sources))
		for i := range sources {
			stores[i] = querytest.NewReader()
			sources[i] = query.Source{Name: fmt.Sprint(i), Reader: stores[i]}
			if i > 1 {
				sources[i].Reader = unique{stores[i]}
			}
		}
		held := make([]map[audit.ID]bool, len(stores))
		want := map[string]bool{} // time, ID and target, by which no two events are alike
		key := func(r *record.Record) string { return fmt.Sprint(r.Time.UnixNano(), r.ID, r.Target.ID) }
		for n := range 60 {
			r := newRecord(func(r *record.Record) {
				r.ID = audit.ID{6: 0x70, 8: 0x80, 15: byte(rng.IntN(12))}
				r.Time = at.Add(time.Duration(r.ID[15] % 3))
				r.Target = audit.Target{Type: "article", ID: fmt.Sprint(n % 20)}
			})
			for i := range stores {
				if held[i] == nil {
					held[i] = map[audit.ID]bool{}
				}
				if rng.IntN(2) == 0 || i > 1 && held[i][r.ID] {
					continue
				}
				again := r.Clone()
				again.ObservedTime = at.Add(time.Duration(1+rng.IntN(3)) * time.Second) // tracked again
				stores[i].Append(again)
				held[i][r.ID] = true
				want[key(r)] = true
			}
		}
		for _, f := range []query.Filter{{}, {Ascending: true}} {
			var listed []string
			for r, err := range query.Union(sources...).Find(t.Context(), f) {
				require.NoError(t, err)
				listed = append(listed, key(r))
			}
			assert.Len(t, listed, len(want), "seed %d", seed)
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(listed))), len(want), "seed %d", seed)
			for _, f.Limit = range []int{1, 2, 5} {
				var paged []string
				for f.After = ""; ; {
					last := ""
					for r, err := range query.Union(sources...).Find(t.Context(), f) {
						require.NoError(t, err)
						paged, last = append(paged, key(r)), query.CursorOf(r)
					}
					if last == "" {
						break
					}
					f.After = last
				}
				assert.Equal(t, listed, paged, "seed %d, pages of %d", seed, f.Limit)
			}
		}
	}
}

// failing yields an error before and after the records of a store, and ends or not.
type failing struct {
	query.Reader
	err error
}

func (b failing) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if !yield(nil, b.err) {
			return
		}
		for r, err := range b.Reader.Find(ctx, f) {
			if !yield(r, err) {
				return
			}
		}
		yield(nil, b.err)
	}
}

func TestUnionErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("no answer")
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	records := make([]*record.Record, 4)
	for i := range records {
		records[i] = newRecord(func(r *record.Record) { r.Time = at.Add(time.Duration(i)) })
	}
	union := query.Union(
		query.Source{Name: "pod-1", Reader: failing{querytest.NewReader(records[0], records[2]), broken}},
		query.Source{Name: "pod-2", Reader: querytest.NewReader(records[1], records[3])},
	)
	var found []*record.Record
	var errs []string
	for r, err := range union.Find(t.Context(), query.Filter{Ascending: true}) {
		if err == nil {
			found = append(found, r)
			continue
		}
		var of *query.SourceError
		require.ErrorAs(t, err, &of)
		require.ErrorIs(t, err, broken)
		errs = append(errs, err.Error())
	}
	assert.Equal(t, records, found, "the others continue")
	assert.Equal(t, []string{"query: source pod-1: no answer", "query: source pod-1: no answer"}, errs)

	for r, err := range union.Find(t.Context(), query.Filter{Limit: 1}) {
		assert.Nil(t, r)
		require.ErrorIs(t, err, broken)
		break // no source is left open: the race detector and goleak would say so
	}
	for r, err := range query.Union().Find(t.Context(), query.Filter{}) {
		t.Error("a union of nothing has a record", r, err)
	}
}

// TestUnionReadsEnough: a limit is met although most records of the sources are copies.
func TestUnionReadsEnough(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	a, b := querytest.NewReader(), querytest.NewReader()
	for i := range 200 {
		r := newRecord(func(r *record.Record) { r.Time = at.Add(time.Duration(i)) })
		a.Append(r)
		b.Append(r.Clone())
	}
	for _, limit := range []int{1, 50, 150, 200, 300} {
		n := 0
		union := query.Union(query.Source{Name: "a", Reader: a}, query.Source{Name: "b", Reader: b})
		for _, err := range union.Find(t.Context(), query.Filter{Limit: limit}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, min(limit, 200), n)
	}
}
