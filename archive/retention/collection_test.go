package retention_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory is a Collection whose calls can fail.
type memory struct {
	mu      sync.Mutex
	records []*record.Record
	fail    func() error // before each record that is removed
	odd     error        // that Find yields first
	ttl     error
	asked   []query.Filter
}

func (m *memory) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if m.odd != nil && !yield(nil, m.odd) {
			return
		}
		m.mu.Lock()
		m.asked = append(m.asked, f)
		reader := querytest.NewReader(m.records...)
		m.mu.Unlock()
		reader.Find(ctx, f)(yield)
	}
}

func (m *memory) Remove(_ context.Context, ids []audit.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if m.fail != nil {
			if err := m.fail(); err != nil {
				return err
			}
		}
		m.records = slices.DeleteFunc(m.records, func(r *record.Record) bool { return r.ID == id })
	}
	return nil
}

func (m *memory) CheckRetention(context.Context) error { return m.ttl }

func (m *memory) has(id audit.ID) bool {
	return slices.ContainsFunc(m.records, func(r *record.Record) bool { return r.ID == id })
}

// collectionWorld is a world with a collection.
func collectionWorld(t *testing.T, records ...*record.Record) (*world, *memory) {
	t.Helper()
	w := &world{store: newStore(t), recorder: audittest.NewRecorder(t)}
	w.ctx = audit.ContextWithActor(t.Context(), audit.System("retention"))
	return w, &memory{records: slices.Clone(records)}
}

// archivedOnce returns the class of each record in an archive of a log without numbers.
func (w *world) archivedOnce(t *testing.T) map[audit.ID]string {
	t.Helper()
	found := map[audit.ID]string{}
	for o, err := range w.store.List(t.Context(), "records/") {
		require.NoError(t, err)
		a, err := archive.Open(t.Context(), w.store, o.Name)
		require.NoError(t, err)
		require.NoError(t, a.Verify(t.Context()))
		for e, err := range a.Entries(t.Context()) {
			require.NoError(t, err)
			r, err := e.Record()
			require.NoError(t, err)
			require.Empty(t, found[r.ID], "a record is in one archive")
			found[r.ID] = a.Manifest().Class
		}
	}
	return found
}

func TestApplyCollection(t *testing.T) {
	t.Parallel()
	records := slices.Concat(
		many(1, 5, rec{action: "user.login"}), many(6, 5, rec{action: "payout.send"}), many(11, 5, rec{action: "doc.view"}),
		many(16, 5, rec{action: "user.login", day: 100}), many(21, 2, rec{action: "user.login", tenant: "acme"}),
	)
	w, c := collectionWorld(t, records...)
	p := newPolicy(t, logins, payouts)
	require.NoError(t, retention.Place(w.ctx, w.store, w.recorder.Tracker("test"), retention.Hold{Name: "a", Filter: tenant("acme"), Reason: "r"}))
	w.recorder.Reset()

	plan, err := retention.PlanCollection(w.ctx, "records", c, w.at(p, 181))
	require.NoError(t, err)
	require.Len(t, plan.Segments, 1)
	s := plan.Segments[0]
	assert.True(t, s.Remove)
	assert.Equal(t, []string{"a"}, s.Holds)
	require.Len(t, s.Classes, 2)
	assert.Equal(t, []int64{5, 2, 2}, []int64{s.Classes[0].Remove, s.Classes[0].Keep, s.Classes[0].Held})
	assert.EqualValues(t, 5, s.Classes[1].Archive)
	assert.Len(t, c.records, 22, "a plan changes nothing")

	report, err := retention.ApplyCollection(w.ctx, "records", c, w.at(p, 181))
	require.NoError(t, err)
	assert.Len(t, report.Archives, 1)
	require.Len(t, report.Removed, 2, "a batch for each rule")
	require.NotNil(t, report.Stays)
	assert.EqualValues(t, 2, report.Stays.Classes[0].Keep)
	assert.Len(t, c.records, 12)
	found := w.archivedOnce(t)
	for i, r := range records {
		switch {
		case i < 5:
			assert.False(t, c.has(r.ID))
		case i < 10:
			assert.False(t, c.has(r.ID))
			assert.Equal(t, "payouts", found[r.ID])
		default:
			assert.True(t, c.has(r.ID))
		}
	}
	assert.Equal(t, map[string]int{
		"audit.trail.archive success": 1, "audit.trail.remove unknown": 2, "audit.trail.remove success": 2,
	}, w.events())

	// Again there is nothing to do, until the archive's time is over.
	report, err = retention.ApplyCollection(w.ctx, "records", c, w.at(p, 182))
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	report, err = retention.ApplyCollection(w.ctx, "records", c, w.at(p, 3651))
	require.NoError(t, err)
	assert.Len(t, report.Expired, 1)
	assert.Empty(t, w.archivedOnce(t))
}

// TestCollectionErrors: a store that removes records by itself is rejected, and what cannot be
// read is kept and reported.
func TestCollectionErrors(t *testing.T) {
	t.Parallel()
	w, c := collectionWorld(t, many(1, 3, rec{action: "user.login"})...)
	p := newPolicy(t, logins)
	c.ttl = errors.New("an index removes records")
	_, err := retention.PlanCollection(w.ctx, "records", c, w.at(p, 100))
	require.ErrorIs(t, err, c.ttl)
	_, err = retention.ApplyCollection(w.ctx, "records", c, w.at(p, 100))
	require.ErrorIs(t, err, c.ttl)
	assert.Len(t, c.records, 3)
	c.ttl = nil
	_, err = retention.PlanCollection(w.ctx, "Records", c, w.at(p, 100))
	require.ErrorContains(t, err, "the name of a collection must match")
	c.odd = errors.New("a document is no record")
	report, err := retention.ApplyCollection(w.ctx, "records", c, w.at(p, 100))
	require.ErrorIs(t, err, c.odd)
	assert.Len(t, report.Removed, 1, "everything else is done")
	assert.Empty(t, c.records)
}

// TestCollectionFilters: a store is asked for the records of each rule that are old enough, so
// that those which are kept for long are not read each time.
func TestCollectionFilters(t *testing.T) {
	t.Parallel()
	w, c := collectionWorld(t)
	p := newPolicy(t, logins, payouts, retention.Rule{Name: "forever", Actions: []string{"doc.*"}},
		retention.Rule{Name: "never", Actions: []string{"No action"}, Keep: retention.Day})
	_, err := retention.PlanCollection(w.ctx, "records", c, w.at(p, 200))
	require.NoError(t, err)
	until := func(days int) time.Time { return epoch.AddDate(0, 0, 200-days).Add(time.Nanosecond) }
	assert.Equal(t, []query.Filter{
		{Ascending: true, Until: until(90), Actions: []string{"user.*"}},
		{Ascending: true, Until: until(180)},
		{Ascending: true, Until: until(1)},
	}, c.asked)
}

// TestHoldPlacedDuringBatch: a hold that is placed while an apply archives a batch counts.
func TestHoldPlacedDuringBatch(t *testing.T) {
	t.Parallel()
	records := slices.Concat(many(1, 3, rec{action: "payout.send", tenant: "acme"}), many(4, 3, rec{action: "payout.send", day: 100}))
	w, c := collectionWorld(t, records...)
	o := w.at(newPolicy(t, payouts), 3700)
	store := &placing{Store: w.store, place: sync.OnceFunc(func() {
		hold := retention.Hold{Name: "a", Filter: tenant("acme"), Reason: "r"}
		assert.NoError(t, retention.Place(w.ctx, w.store, w.recorder.Tracker("test"), hold))
	})}
	o.Store = store
	_, err := retention.ApplyCollection(w.ctx, "records", c, o)
	require.NoError(t, err)
	assert.Empty(t, c.records)
	assert.Len(t, w.archivedOnce(t), 6, "what is held is archived, though its time is over")
}

// placing calls place when an object was stored.
type placing struct {
	archive.Store

	place func()
}

func (p *placing) Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error {
	defer p.place()
	return p.Store.Put(ctx, name, content, size)
}

// failing fails each call with some probability, as a killed process would: whatever it did
// before stays.
type failing struct {
	archive.Store
	audit.Tracker

	rnd *rand.Rand
}

var errKilled = errors.New("killed")

func (f *failing) fail() error {
	if f.rnd.IntN(12) == 0 {
		return errKilled
	}
	return nil
}

func (f *failing) Track(ctx context.Context, e audit.Event) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Tracker.Track(ctx, e)
}

func (f *failing) List(ctx context.Context, prefix string) iter.Seq2[archive.Object, error] {
	if err := f.fail(); err != nil {
		return func(yield func(archive.Object, error) bool) { yield(archive.Object{}, err) }
	}
	return f.Store.List(ctx, prefix)
}

func (f *failing) Delete(ctx context.Context, name string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return errors.Join(f.Store.Delete(ctx, name), f.fail())
}

// TestCollectionFaults: whatever fails, each record is in the collection or in one archive, or is
// past its time.
func TestCollectionFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(sampled(8)) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var records []*record.Record
		for n := range 60 {
			records = append(records, newRecord(n+1, rec{action: []string{"user.login", "payout.send"}[rnd.IntN(2)], day: n}))
		}
		w, c := collectionWorld(t, records...)
		p := newPolicy(t,
			retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 20 * retention.Day},
			retention.Rule{Name: "payouts", Targets: []string{"payout"}, Keep: 60 * retention.Day, ArchiveAfter: 10 * retention.Day},
		)
		broken := &failing{Store: w.store, Tracker: w.recorder.Tracker("test"), rnd: rnd}
		c.fail = broken.fail
		failed := 0
		for day := 5; day < 130; day += 3 {
			options := w.at(p, day)
			options.Store, options.Tracker = broken, broken
			_, err := retention.ApplyCollection(w.ctx, "records", c, options)
			if err != nil {
				require.ErrorIs(t, err, errKilled)
				failed++
			}
			archived := w.archivedOnce(t)
			for i, r := range records {
				age := day - i // at most a day too much
				switch {
				case r.Target.Type == "user":
					require.True(t, age >= 20 || c.has(r.ID), "seed %d, day %d, record %d", seed, day, i)
				case age < 60:
					require.True(t, c.has(r.ID) || archived[r.ID] == "payouts", "seed %d, day %d, record %d", seed, day, i)
				}
				if err == nil && age > 20 && r.Target.Type == "user" {
					require.False(t, c.has(r.ID))
				}
			}
		}
		require.NotZero(t, failed)
		c.fail = nil
		_, err := retention.ApplyCollection(w.ctx, "records", c, w.at(p, 130))
		require.NoError(t, err)
		require.Empty(t, c.records)
		require.Empty(t, w.archivedOnce(t))
	}
}

// TestBatches: a large collection is removed in batches.
func TestBatches(t *testing.T) {
	t.Parallel()
	records := many(1, 3000, rec{action: "payout.send"})
	w, c := collectionWorld(t, records...)
	report, err := retention.ApplyCollection(w.ctx, "records", c, w.at(newPolicy(t, payouts), 200))
	require.NoError(t, err)
	assert.Len(t, report.Removed, 2)
	assert.Empty(t, c.records)
	assert.Len(t, w.archivedOnce(t), 3000)
	for _, name := range report.Archives {
		assert.True(t, strings.HasPrefix(name, "records/payouts/2026"), name)
	}
}
