package ledgerquery_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// findOnly hides all but Find of a Reader, so that Count reads every record.
type findOnly struct{ query.Reader }

func (r findOnly) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return r.Reader.Find(ctx, f)
}

// TestCountByIndex compares counts that come from indexes with those of all records, for whole
// ledgers, ranges of times and other filters, of records that were stored twice among others.
func TestCountByIndex(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	m := newModel(t, rng, 900)
	valid, records := m.entries[:0:0], m.records[:0:0]
	for _, r := range m.records {
		if r != nil {
			r.Channel = []string{"", "api", "admin"}[rng.IntN(3)]
			if rng.IntN(5) == 0 {
				r.Actor = []audit.Actor{audit.Anonymous(), audit.System("4"), audit.System("job")}[rng.IntN(3)]
			}
			valid, records = append(valid, encode(t, r)[0]), append(records, r)
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, dir, valid)
	m.records = records
	require.Less(t, len(m.find(query.Filter{}, 0)), len(valid), "some records are stored twice")

	shared, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	zones := []*time.Location{nil, time.UTC, time.FixedZone("", 20700), berlin(t)}
	rounds := 120
	if sampled() {
		rounds = 30
	}
	for _, until := range []int{0, 990, 1500} { // later than an index has precise times
		f := query.Filter{Until: records[0].Time.AddDate(until, 0, 0)}
		requireCounts(t, shared, f, query.Facets{By: []query.Facet{query.ByDay}})
		f.Since, f.Until = f.Until, time.Time{}
		requireCounts(t, shared, f, query.Facets{By: []query.Facet{query.ByDay}})
		f.Until = f.Since.AddDate(20, 0, 0)
		requireCounts(t, shared, f, query.Facets{By: []query.Facet{query.ByDay}})
	}
	for round := range rounds {
		if round == rounds*5/6 { // one index is missing
			require.NoError(t, os.Remove(glob(t, dir, "*.index")[1]))
		}
		reader := shared // which keeps counts
		if rng.IntN(4) == 0 {
			reader, err = ledgerquery.NewReader(dir)
			require.NoError(t, err)
		}
		f := countableFilter(rng, records)
		if rng.IntN(2) == 0 {
			f = []query.Filter{{}, {Outcomes: []audit.Outcome{audit.OutcomeDenied}}}[rng.IntN(2)]
		}
		if f.Validate() != nil {
			continue
		}
		by := query.Facets{Top: rng.IntN(3), Zone: zones[rng.IntN(len(zones))], Quick: rng.IntN(2) == 0}
		for facet := query.Facet(0); facet.Valid(); facet++ {
			if rng.IntN(2) == 0 {
				by.By = append(by.By, facet)
			}
		}
		requireCounts(t, reader, f, by)
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return zone
}

// countableFilter returns a filter that an index can count by.
func countableFilter(rng *rand.Rand, records []*record.Record) (f query.Filter) {
	pick := func() *record.Record { return records[rng.IntN(len(records))] }
	some := func(set func(f *query.Filter, r *record.Record)) {
		for range max(0, rng.IntN(5)-2) {
			set(&f, pick())
		}
	}
	if rng.IntN(3) > 0 {
		if f.Since, f.Until = pick().Time, pick().Time; f.Until.Before(f.Since) {
			f.Since, f.Until = f.Until, f.Since
		}
		switch rng.IntN(8) {
		case 0:
			f.Until = f.Since // nothing
		case 1:
			f.Until = f.Until.AddDate(990, 0, 0) // when an index knows no precise times
		}
	}
	if rng.IntN(3) == 0 {
		return f
	}
	some(func(f *query.Filter, r *record.Record) {
		a := audit.Actor{Type: r.Actor.Type, ID: r.Actor.ID}
		if a.ID != "" && rng.IntN(2) == 0 {
			a.Type = audit.ActorNone
		}
		f.Actors = append(f.Actors, a)
	})
	some(func(f *query.Filter, r *record.Record) { f.Tenants = append(f.Tenants, r.Tenant) })
	some(func(f *query.Filter, r *record.Record) { f.Channels = append(f.Channels, r.Channel) })
	some(func(f *query.Filter, r *record.Record) { f.Outcomes = append(f.Outcomes, r.Outcome) })
	some(func(f *query.Filter, r *record.Record) {
		f.Not = append(f.Not, query.Filter{Actions: []string{r.Action}})
	})
	some(func(f *query.Filter, r *record.Record) {
		f.Not = append(f.Not, query.Filter{ActorTypes: []audit.ActorType{r.Actor.Type}, Tenants: []string{r.Tenant}})
	})
	if rng.IntN(3) == 0 {
		f.Actions = []string{[]string{"thing.*", "*1", "thing.verb2", "nothing.*"}[rng.IntN(4)]}
	}
	return f
}

// TestCountUncountable finds that filters by words, targets and the like are not counted by
// indexes.
func TestCountUncountable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, nil)
	for _, f := range []query.Filter{
		{Text: "x"},
		{Targets: []audit.Target{{Type: "thing", ID: "1"}}},
		{Not: []query.Filter{{Since: time.Unix(1e9, 0)}}},
		{Not: []query.Filter{{Reason: "x"}}},
		{Tenants: []string{strings.Repeat("long ", 1000)}},
		{Delegated: true},
	} {
		_, err := reader.CountRecords(t.Context(), f, query.Facets{})
		require.ErrorIs(t, err, errors.ErrUnsupported, "%+v", f)
	}
}

// TestCountOfCollidingTerms counts the records of an actor whose term has the same key as that of a
// target.
func TestCountOfCollidingTerms(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	opened, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	segments, _, err := opened.Segments()
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	actor, target := colliding(index.NewHasher(segments[0].Ledger))

	var records []*record.Record
	for i := range 600 {
		at := time.Date(2026, 11, 23, 0, 0, 10*i, 0, time.UTC)
		r := recordAt(at, []string{actor, "2", "3"}[i%3])
		r.Outcome, r.Target = audit.Outcome(1+i%2), audit.Target{Type: "thing", ID: []string{"1", target}[i%2]}
		records = append(records, r)
	}
	reader := newIndexedReader(t, dir, encode(t, records...))
	for _, f := range []query.Filter{
		{},
		{Actors: []audit.Actor{audit.User(actor)}},
		{Actors: []audit.Actor{audit.User(actor)}, Outcomes: []audit.Outcome{audit.OutcomeSuccess}},
		{Not: []query.Filter{{Actors: []audit.Actor{audit.User(actor)}}}},
		{Outcomes: []audit.Outcome{audit.OutcomeSuccess}},
	} {
		requireCounts(t, reader, f, query.Facets{By: []query.Facet{query.ByActor, query.ByHour, query.ByOutcome}})
	}
}

// recordAt returns a record of an actor.
func recordAt(at time.Time, actor string) *record.Record {
	return &record.Record{Event: audit.Event{ID: uuid.At(at), Time: at, Action: "thing.update", Actor: audit.User(actor)}, ObservedTime: at}
}

// requireCounts compares counts by the indexes with those of all records.
func requireCounts(t *testing.T, reader *ledgerquery.Reader, f query.Filter, by query.Facets) {
	t.Helper()
	got, err := reader.CountRecords(t.Context(), f, by)
	require.NoError(t, err)
	want, err := query.Count(t.Context(), findOnly{reader}, f, by)
	require.NoError(t, err)
	require.Equal(t, want, got, "%+v %v", f, by)
}

// colliding returns IDs of an actor and a target whose terms have one key.
func colliding(h index.Hasher) (actor, target string) {
	actors := map[index.Key]string{}
	for n := range 1 << 17 {
		id := strconv.Itoa(n)
		actors[h.Term(index.ActorID, []byte(id))] = id
	}
	for n := 0; ; n++ {
		id := strconv.Itoa(n)
		if actor := actors[h.Term(index.TargetID, []byte(id))]; actor != "" {
			return actor, id
		}
	}
}

// TestCountOverClockChanges counts by hour and day when clocks were changed, at an hour of the
// night or a minute after midnight.
func TestCountOverClockChanges(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for _, day := range []time.Time{
		time.Date(2010, 3, 14, 0, 0, 0, 0, time.UTC), time.Date(2010, 11, 7, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC),
	} {
		for i := range 600 {
			at := day.Add(time.Duration(i) * 20 * time.Minute).Add(-100 * time.Hour)
			records = append(records, recordAt(at, "1"))
		}
	}
	for range 2 { // the newest last, and first
		reader := newIndexedReader(t, filepath.Join(t.TempDir(), "ledger"), encode(t, records...))
		for _, name := range []string{"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"} {
			zone, err := time.LoadLocation(name)
			require.NoError(t, err)
			requireCounts(t, reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByDay}, Zone: zone})
			requireCounts(t, reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByDay, query.ByHour}, Zone: zone})
		}
		slices.Reverse(records)
	}
}

// TestCountAfter2262 counts records of which the index knows only that they are later than that.
func TestCountAfter2262(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for i := range 600 {
		records = append(records, recordAt(time.Date(2262+i, 7, 1, 0, 0, 0, 0, time.UTC), "1"))
	}
	reader := newIndexedReader(t, filepath.Join(t.TempDir(), "ledger"), encode(t, records...))
	middle := records[300].Time
	for _, f := range []query.Filter{{}, {Since: middle}, {Until: middle}, {Since: middle, Until: middle.AddDate(100, 0, 0)}, {Until: records[0].Time}} {
		requireCounts(t, reader, f, query.Facets{})
		requireCounts(t, reader, f, query.Facets{By: []query.Facet{query.ByDay, query.ByActor}})
	}
}

// TestCountOfOtherVersions: an entry that a search cannot decode, such as a record of a later
// version, is not counted.
func TestCountOfOtherVersions(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for i := range 600 {
		records = append(records, newRecord(i))
	}
	entries := encode(t, records...)
	entries[100] = bytes.Replace(entries[100], []byte(`"kind"`), []byte(`"kin":1,"kind"`), 1)
	entries[200] = bytes.Replace(entries[200], []byte(`"success"`), []byte(`"partial"`), 1)
	reader := newIndexedReader(t, filepath.Join(t.TempDir(), "ledger"), entries)
	counts, err := query.Count(t.Context(), reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByOutcome}})
	var invalid *ledgerquery.EntryError
	require.ErrorAs(t, err, &invalid)
	require.EqualValues(t, len(records)-2, counts.Records)
	require.Len(t, counts.Facets[0].Values, 1)
}

// TestCountAfterRemoval: a record that repeated one which retention has removed counts.
func TestCountAfterRemoval(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for i := range 1200 {
		records = append(records, newRecord(i))
		if i >= 400 && i < 800 {
			records[i] = records[i-400]
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, encode(t, records...))
	requireCounts(t, reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByActor}})
	l := openPlain(t, dir)
	_, err := l.RemoveBefore(300)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	requireCounts(t, reader, query.Filter{}, query.Facets{By: []query.Facet{query.ByActor}})
}

// TestCountBesideWriter counts while the ledger grows and retention removes its oldest segments.
func TestCountBesideWriter(t *testing.T) {
	t.Parallel()
	m := newModel(t, rand.New(rand.NewPCG(25, 26)), 1000)
	entries := slices.DeleteFunc(m.entries, func(entry []byte) bool { return string(entry) == "no record" })
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour),
		ledger.WithSidecars(ledgerquery.NewIndexer()), ledger.WithRetention(0, 4*ledger.MinSegmentSize))
	require.NoError(t, err)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	by := query.Facets{By: []query.Facet{query.ByActor, query.ByDay, query.ByOutcome}}
	var group sync.WaitGroup
	done := make(chan struct{})
	for i := range 2 {
		group.Go(func() {
			for f := (query.Filter{Outcomes: []audit.Outcome{audit.OutcomeDenied}[:i]}); ; {
				counts, err := reader.CountRecords(t.Context(), f, by)
				assert.NoError(t, err)
				if err != nil {
					return
				}
				for _, facet := range counts.Facets {
					sum := facet.Others
					for _, v := range facet.Values {
						sum += v.Records
					}
					assert.Equal(t, counts.Records, sum)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	appendAll(t, l, entries)
	close(done)
	group.Wait()
	require.NoError(t, l.Close())
	requireCounts(t, reader, query.Filter{}, by)
}
