package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // for machines without time zones

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCount(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 23, 30, 0, 0, time.UTC)
	var records []*record.Record
	for n := range 10 {
		records = append(records, newRecord(func(r *record.Record) {
			r.Time = at.Add(time.Duration(n) * 10 * time.Minute)
			r.Actor = []audit.Actor{audit.User("42"), audit.Service("42"), audit.Anonymous()}[n%3]
			r.Outcome = audit.Outcome(n % 4)
			r.Channel = []string{"api", ""}[n%2]
			r.Operation = audit.Operation(n % 2)
		}))
	}
	counts, err := query.Count(t.Context(), querytest.NewReader(records...), query.Filter{}, query.Facets{
		By:   []query.Facet{query.ByActor, query.ByOutcome, query.ByChannel, query.ByOperation, query.ByDay, query.ByHour, query.ByAction, query.ByKind, query.ByTenant, query.ByTargetType},
		Zone: time.FixedZone("", 3600), Top: 2,
	})
	require.NoError(t, err)
	assert.EqualValues(t, 10, counts.Records)
	var lines []string
	for _, f := range counts.Facets {
		line := f.By.String()
		for _, v := range f.Values {
			line += fmt.Sprintf(" %q=%d", v.Value, v.Records)
		}
		lines = append(lines, fmt.Sprintf("%s others=%d", line, f.Others))
		assert.False(t, f.Incomplete)
	}
	assert.Equal(t, []string{
		`actor "user/42"=4 "anonymous"=3 others=3`,
		`outcome "success"=3 "unknown"=3 others=4`,
		`channel ""=5 "api"=5 others=0`,
		`operation ""=5 "create"=5 others=0`,
		`day "2026-11-27"=10 others=0`,
		`hour "2026-11-27T00:00:00+01:00"=3 "2026-11-27T01:00:00+01:00"=6 "2026-11-27T02:00:00+01:00"=1 others=0`,
		`action "a.b"=10 others=0`,
		`kind "intent"=10 others=0`,
		`tenant ""=10 others=0`,
		`target_type ""=10 others=0`,
	}, lines)
	assert.Equal(t, audit.User("42"), counts.Facets[0].Values[0].Actor)
	assert.True(t, time.Date(2026, 11, 26, 23, 0, 0, 0, time.UTC).Equal(counts.Facets[5].Values[0].Start))
}

// TestCountOfOddHours: a day of 25 hours has all of them, and hours begin where those of the
// zone do.
func TestCountOfOddHours(t *testing.T) {
	t.Parallel()
	for name, hours := range map[string]int{"Europe/Berlin": 25, "Australia/Lord_Howe": 24, "Asia/Kathmandu": 24} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		start := time.Date(2026, 10, 25, 0, 0, 0, 0, zone)
		var records []*record.Record
		for at := start; at.Before(start.AddDate(0, 0, 1)); at = at.Add(15 * time.Minute) {
			records = append(records, newRecord(func(r *record.Record) { r.Time = at }))
		}
		counts, err := query.Count(t.Context(), querytest.NewReader(records...), query.Filter{}, query.Facets{By: []query.Facet{query.ByHour, query.ByDay}, Zone: zone})
		require.NoError(t, err)
		assert.Len(t, counts.Facets[0].Values, hours, name)
		for _, v := range counts.Facets[0].Values {
			assert.EqualValues(t, 4, v.Records, name)
			assert.Zero(t, v.Start.Minute(), name)
		}
		assert.Len(t, counts.Facets[1].Values, 1)
	}
}

// TestCountOfDaysWithoutMidnight: a day begins at its first instant, where clocks are changed at
// midnight too.
func TestCountOfDaysWithoutMidnight(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/Havana")
	require.NoError(t, err)
	var records []*record.Record
	for at := time.Date(2026, 3, 7, 5, 30, 0, 0, time.UTC); len(records) < 71; at = at.Add(time.Hour) {
		records = append(records, newRecord(func(r *record.Record) { r.Time = at }))
	}
	counts, err := query.Count(t.Context(), querytest.NewReader(records...), query.Filter{}, query.Facets{By: []query.Facet{query.ByDay}, Zone: zone})
	require.NoError(t, err)
	var days []string
	for _, v := range counts.Facets[0].Values {
		days = append(days, fmt.Sprint(v.Value, v.Start.Format(" 15:04 "), v.Records))
	}
	assert.Equal(t, []string{"2026-03-07 00:00 24", "2026-03-08 01:00 23", "2026-03-09 00:00 24"}, days)
}

// TestCountIsBounded counts more values than are held. Those that are listed are right.
func TestCountIsBounded(t *testing.T) {
	t.Parallel()
	reader := querytest.NewReader()
	rng := rand.New(rand.NewPCG(1, 1))
	all := map[string]int64{}
	const n = 12_500
	for i := range n {
		id := fmt.Sprint(rng.IntN(n))
		if i%2 == 0 {
			id = fmt.Sprint(rng.IntN(10))
		}
		all["user/"+id]++
		reader.Append(newRecord(func(r *record.Record) { r.Actor, r.Time = audit.User(id), time.Unix(int64(i), 0) }))
	}
	for i := range 9000 { // distinct ones
		id := fmt.Sprint("only-", i)
		all["user/"+id]++
		reader.Append(newRecord(func(r *record.Record) { r.Actor, r.Time = audit.User(id), time.Unix(int64(i), 0) }))
	}
	for _, top := range []int{0, 5} {
		counts, err := query.Count(t.Context(), reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByActor}, Top: top})
		require.NoError(t, err)
		f := counts.Facets[0]
		assert.True(t, f.Incomplete)
		sum := f.Others
		for _, v := range f.Values {
			assert.Equal(t, all[v.Value], v.Records)
			sum += v.Records
		}
		assert.Equal(t, counts.Records, sum)
		assert.Len(t, f.Values, max(top, 10_000*(1-min(top, 1))))
	}
}

// counter counts faster than by reading, unless the filter has a text.
type counter struct{ query.Reader }

func (c counter) CountRecords(_ context.Context, f query.Filter, _ query.Facets) (*query.Counts, error) {
	if f.Text != "" {
		return nil, errors.ErrUnsupported
	}
	return &query.Counts{Records: 99}, nil
}

func TestCountErrors(t *testing.T) {
	t.Parallel()
	reader := querytest.NewReader(newRecord(func(*record.Record) {}))
	counts, err := query.Count(t.Context(), counter{reader}, query.Filter{}, query.Facets{})
	require.NoError(t, err)
	assert.EqualValues(t, 99, counts.Records)
	counts, err = query.Count(t.Context(), counter{reader}, query.Filter{Text: "a.b"}, query.Facets{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, counts.Records)

	broken := errors.New("damaged")
	counts, err = query.Count(t.Context(), failing{reader, broken}, query.Filter{}, query.Facets{By: []query.Facet{query.ByActor}})
	require.ErrorIs(t, err, broken)
	assert.EqualValues(t, 1, counts.Records, "the rest is counted")
	for _, by := range []query.Facets{{Top: -1}, {By: []query.Facet{99}}} {
		counts, err = query.Count(t.Context(), reader, query.Filter{}, by)
		require.Error(t, err)
		assert.Nil(t, counts)
	}
	_, err = query.Count(t.Context(), reader, query.Filter{Limit: -1}, query.Facets{})
	require.Error(t, err)
}

func TestOpenAttempts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	reader := querytest.NewReader()
	var want []audit.ID
	for n := range 1000 {
		begun := newRecord(func(r *record.Record) {
			r.Time = at.Add(time.Duration(n) * time.Second)
			r.Attempt = r.ID
		})
		reader.Append(begun)
		if n%100 == 7 {
			want = append(want, begun.ID)
		} else { // some long after, and some with an earlier time
			reader.Append(newRecord(func(r *record.Record) {
				r.Time, r.Attempt = begun.Time.Add(time.Duration(n%7-1)*time.Hour), begun.ID
			}))
		}
		reader.Append(newRecord(func(r *record.Record) { r.Time = begun.Time }))
	}
	open := func(r query.Reader, f query.Filter) (ids []audit.ID, errs []error) {
		for r, err := range query.OpenAttempts(t.Context(), r, f) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			ids = append(ids, r.ID)
		}
		return ids, errs
	}
	ids, errs := open(reader, query.Filter{Ascending: true})
	assert.Empty(t, errs)
	assert.Equal(t, want, ids)
	ids, _ = open(reader, query.Filter{Ascending: true, Limit: 3})
	assert.Equal(t, want[:3], ids)
	ids, _ = open(reader, query.Filter{Until: at.Add(8 * time.Second)})
	assert.Equal(t, want[:1], ids, "ends after Until count")

	broken := errors.New("damaged")
	ids, errs = open(failing{reader, broken}, query.Filter{Ascending: true})
	assert.Equal(t, want, ids)
	assert.Equal(t, []error{broken}, errs, "an error that every Find yields is yielded once")
	_, errs = open(reader, query.Filter{Stages: []query.Stage{query.StageEnd}})
	require.Len(t, errs, 1)
	_, errs = open(reader, query.Filter{Limit: -1})
	require.Len(t, errs, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range query.OpenAttempts(ctx, reader, query.Filter{}) {
		require.ErrorIs(t, err, context.Canceled)
	}
}
