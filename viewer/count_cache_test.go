package viewer

import (
	"context"
	"iter"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/viewer/internal/scope"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCountCache keeps what took long for some seconds, and nothing that was interrupted.
func TestCountCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n := newCountCache(), int64(0)
		count := func(took time.Duration, interrupted bool) func() (*counted, bool) {
			return func() (*counted, bool) {
				time.Sleep(took)
				n++
				return &counted{Counts: &query.Counts{Records: n}}, interrupted
			}
		}
		get := func(key string, took time.Duration, interrupted bool) int64 {
			return c.get(t.Context(), time.Minute, key, count(took, interrupted)).Records
		}
		require.EqualValues(t, 1, get("a", slowCount, true))
		require.EqualValues(t, 2, get("a", 0, false))
		require.EqualValues(t, 3, get("a", slowCount, false))
		require.EqualValues(t, 3, get("a", slowCount, false))
		require.EqualValues(t, 4, get("b", slowCount, false), "another key")
		time.Sleep(keepCounts + 1)
		require.EqualValues(t, 5, get("a", slowCount, false))
		for i := range 3 * maxCounts {
			get(strconv.Itoa(i), slowCount, false)
		}
		require.LessOrEqual(t, len(c.kept), maxCounts)

		// Who finds all slots in use waits, and gives up.
		for range cap(c.slots) {
			c.slots <- struct{}{}
		}
		began := time.Now()
		require.Nil(t, c.get(t.Context(), time.Second, "c", count(0, false)))
		require.Equal(t, time.Second, time.Since(began))
	})
}

// TestCountKey: people who see different records or fields share no counts.
func TestCountKey(t *testing.T) {
	t.Parallel()
	keys := map[string]View{}
	for _, view := range []View{
		{All: true},
		{All: true, Hidden: []string{"reason"}},
		{All: true, Fields: []string{"reason"}},
		{All: true, Fields: []string{"reason", "failure"}},
		{All: true, Fields: []string{"reason"}, Hidden: []string{"failure"}},
		{Within: query.Filter{Tenants: []string{"acme"}}},
		{Within: query.Filter{Tenants: []string{"globex"}}},
		{Within: query.Filter{Tenants: []string{"acme"}, Not: []query.Filter{{Actors: []audit.Actor{audit.User("1")}}}}},
	} {
		v := &visit{view: view}
		for _, f := range []query.Filter{{}, {Text: "x"}, {Tenants: []string{"acme"}}} {
			for _, zone := range []*time.Location{nil, time.FixedZone("x", 60)} {
				for _, by := range []query.Facet{query.ByDay, query.ByHour} {
					for _, complete := range []bool{false, true} {
						key, ok := v.countKey(f, query.Facets{By: []query.Facet{by}, Zone: zone}, complete)
						require.True(t, ok)
						_, twice := keys[key]
						assert.False(t, twice, key)
						keys[key] = view
					}
				}
			}
		}
	}
}

// slow is a store that finds one record in time.
type slow struct{ found *record.Record }

// Find returns the record and an error.
func (s slow) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		_ = yield(s.found, nil) && yield(nil, context.DeadlineExceeded)
	}
}

// TestCountedBack: other records may have the time of the last one that was counted.
func TestCountedBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	store := slow{&record.Record{Event: audit.Event{ID: audit.ID{1}, Time: at, Action: "a.b", Actor: audit.User("42")}, ObservedTime: at}}
	mask, err := scope.NewMask(nil, nil, query.Filter{})
	require.NoError(t, err)
	reader, err := scope.NewReader(store, query.Filter{}, mask)
	require.NoError(t, err)
	v := &visit{reader: reader, ctx: t.Context()}
	counts := v.read(t.Context(), query.Filter{}, query.Facets{})
	assert.True(t, counts.AtLeast)
	assert.EqualValues(t, 1, counts.Records)
	assert.Equal(t, at.Add(1), counts.Back)
}
