package sdk_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// payout is an event that begins an attempt.
func payout(id string) audit.Event {
	return audit.Event{
		Action: "payout.send", Operation: audit.OperationExecute, Actor: audit.User("42"), Tenant: "acme",
		Target: audit.Target{Type: "payout", ID: id}, Reason: "monthly",
		Metadata: []attribute.KeyValue{attribute.String("client.address", "10.0.0.1")},
	}
}

func mustBegin(t *testing.T, p *sdk.TrackerProvider, id string) *audit.Attempt {
	t.Helper()
	a, err := audit.Begin(t.Context(), p.Tracker("test"), payout(id))
	require.NoError(t, err)
	return a
}

// copyAsKilled returns a copy of a ledger's directory as it would be if the process were
// killed now.
func copyAsKilled(t *testing.T, dir string) string {
	t.Helper()
	after := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.Mkdir(after, 0o700))
	segments, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	require.NoError(t, err)
	for _, file := range append([]string{dir + "/pairs", dir + "/state"}, segments...) { // the ledger is still in use
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(after, filepath.Base(file)), data, 0o600))
	}
	return after
}

// stored returns the records in a ledger, from an entry on.
func stored(t *testing.T, dir string, from ...uint64) (records []*record.Record) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for e, err := range r.Entries(t.Context(), slices.Max(append(from, 0))) {
		require.NoError(t, err)
		record := new(record.Record)
		require.NoError(t, record.UnmarshalJSON(e.Data))
		records = append(records, record)
	}
	return records
}

func quiet() sdk.Option { return sdk.WithLogger(slog.New(slog.DiscardHandler)) }

func TestOpenAttemptsAreClosedAtStart(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"killed", "shut down"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			p := openProvider(t, sdk.WithLedger(dir), quiet())
			ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
			}))
			event := payout("1")
			event.Target.Name = "password=hunter2hunter2"
			event.Bulk = audit.Bulk{Selector: "all of May", Affected: 3, Sample: []string{"a", "b"}}
			open, err := audit.Begin(ctx, p.Tracker("test"), event)
			require.NoError(t, err)
			finished := mustBegin(t, p, "2")
			require.NoError(t, finished.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}))
			if how == "killed" {
				dead := copyAsKilled(t, dir)
				require.NoError(t, p.Shutdown(t.Context()))
				dir = dead
			} else {
				require.NoError(t, p.Shutdown(t.Context()))
			}
			require.ErrorIs(t, open.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}), audit.ErrShutdown)

			var logs bytes.Buffer
			s := &sink{}
			before := time.Now()
			p = openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(s, quick()...)), sdk.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))),
				sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))))
			all := stored(t, dir)
			require.Len(t, all, 4, "NewTrackerProvider has closed the attempt")
			closing := all[3]
			begun := all[0]
			require.NotEqual(t, event.Target.Name, begun.Target.Name, "redacted")
			assert.WithinRange(t, closing.Time, before.Truncate(0).Add(-time.Second), time.Now())
			assert.Equal(t, closing.Time, closing.ObservedTime)
			assert.NotEqual(t, begun.ID, closing.ID)
			assert.Equal(t, begun.ID[:6], closing.ID[:6])
			assert.EqualValues(t, 7, closing.ID[6]>>4)
			assert.EqualValues(t, 2, closing.ID[8]>>6)
			want := &record.Record{
				Event: audit.Event{
					ID: closing.ID, Time: closing.Time, Action: "payout.send", Operation: audit.OperationExecute,
					Actor: audit.System(sdk.RecoveryActor), Target: begun.Target, Bulk: begun.Bulk, Tenant: "acme",
					Reason: "monthly", Failure: "the process stopped before the attempt was finished", Attempt: open.ID(),
				},
				ObservedTime: closing.ObservedTime, Tracker: record.Instrumentation{Name: "github.com/opendeed/audit/sdk"},
				Resource: closing.Resource, TraceID: trace.TraceID{1}, Redacted: []string{"target.name"},
			}
			assert.Equal(t, want, closing)
			assert.Equal(t, "shop", closing.Resource.Attributes()[0].Value.AsString())
			assert.Contains(t, logs.String(), "attempts=1")
			assert.NotContains(t, logs.String(), "payout", "no values")

			require.NoError(t, p.Shutdown(t.Context()))
			require.Len(t, s.all(), 4, "exporters get the closing record too")
			logs.Reset()
			p = openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(&sink{})), sdk.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))))
			require.NoError(t, p.Shutdown(t.Context()))
			assert.Len(t, stored(t, dir), 4, "the attempt is closed once")
			assert.Empty(t, logs.String())
		})
	}
}

// TestAttemptClosedTwice closes an attempt, kills the process right after that, and closes
// the attempt again, in the same ledger and in another one.
func TestAttemptClosedTwice(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p := openProvider(t, sdk.WithLedger(base+"/1"), sdk.WithLedger(base+"/2"), quiet())
	for i := range 100 { // more than are closed by one append
		mustBegin(t, p, fmt.Sprint(i))
	}
	one, two := copyAsKilled(t, base+"/1"), copyAsKilled(t, base+"/2")
	require.NoError(t, p.Shutdown(t.Context()))

	ids := map[audit.ID]*record.Record{}
	p = openProvider(t, sdk.WithLedger(one), quiet())
	again := copyAsKilled(t, one)
	require.NoError(t, p.Shutdown(t.Context()))
	for _, r := range stored(t, one)[100:] {
		ids[r.ID] = r
	}
	require.Len(t, ids, 100)
	for _, dir := range []string{again, two} {
		p = openProvider(t, sdk.WithLedger(dir), quiet())
		require.NoError(t, p.Shutdown(t.Context()))
		all := stored(t, dir)
		require.Len(t, all, 200)
		for _, r := range all[100:] {
			require.Contains(t, ids, r.ID)
			require.True(t, r.IsRetryOf(ids[r.ID]), "a sink that gets both stores one record")
		}
	}
}

func TestRecordsThatBeginNoAttempt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithLedger(dir), quiet())
	e := payout("1")
	e.Attempt = audit.NewID()
	require.NoError(t, p.Tracker("test").Track(t.Context(), e), "the attempt was begun on another host")
	e = payout("2")
	e.Metadata = []attribute.KeyValue{attribute.String("attempt", "0199c1f2-aaaa-7bbb-8ccc-000000000001")}
	require.NoError(t, p.Tracker("test").Track(t.Context(), e), "not an attempt")
	require.NoError(t, p.Shutdown(t.Context()))
	p = openProvider(t, sdk.WithLedger(dir), quiet())
	require.NoError(t, p.Shutdown(t.Context()))
	require.Len(t, stored(t, dir), 2)
}

// TestOpenAttemptSurvivesRetention closes an attempt after retention has removed the record
// that began it.
func TestOpenAttemptSurvivesRetention(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	open := func() *sdk.TrackerProvider {
		return openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(&sink{}, quick()...),
			ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithMaxSize(2*ledger.MinSegmentSize), ledger.WithRetention(0, 0)), quiet())
	}
	p := open()
	a := mustBegin(t, p, "1")
	large := payout("2")
	large.Reason = string(bytes.Repeat([]byte("x"), 8000))
	for range 100 {
		require.NoError(t, p.Tracker("test").Track(t.Context(), large))
	}
	require.NoError(t, p.Shutdown(t.Context()))
	for _, r := range stored(t, dir) {
		require.NotEqual(t, a.ID(), r.ID)
	}
	p = open()
	all := stored(t, dir)
	assert.Equal(t, a.ID(), all[len(all)-1].Attempt)
	assert.Equal(t, "1", all[len(all)-1].Target.ID)
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestPairsFileDamaged(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithLedger(dir), quiet())
	a := mustBegin(t, p, "1")
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, os.WriteFile(dir+"/pairs", []byte("not a pairs file"), 0o600))
	var logs bytes.Buffer
	p = openProvider(t, sdk.WithLedger(dir), sdk.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))))
	assert.Contains(t, logs.String(), "both slots are damaged")
	require.NoError(t, p.Shutdown(t.Context()))
	all := stored(t, dir)
	require.Len(t, all, 2)
	assert.Equal(t, a.ID(), all[1].Attempt)
}

// TestAttemptEntryIsNotARecord opens a ledger with an entry that looks like the beginning
// of an attempt, but is not a record. The provider must start.
func TestAttemptEntryIsNotARecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir)
	require.NoError(t, err)
	id := audit.NewID()
	_, err = l.Append(t.Context(), fmt.Appendf(nil, `{"action":"a","attempt":"%s","id":"%s"}`, id, id))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	var logs bytes.Buffer
	p := openProvider(t, sdk.WithLedger(dir), sdk.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))))
	assert.Contains(t, logs.String(), "the file is missing, but the ledger has entries")
	assert.Contains(t, logs.String(), "is not a record")
	mustBegin(t, p, "1")
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestTooManyAttempts(t *testing.T) {
	t.Parallel()
	p := openProvider(t, sdk.WithLedger(t.TempDir()+"/ledger", ledger.WithSyncInterval(time.Hour)), quiet())
	begin := func(id string) (*audit.Attempt, error) {
		e := payout(id)
		e.Actor = audit.System("payer") // which may use every slot
		return audit.Begin(t.Context(), p.Tracker("test"), e)
	}
	attempts := make([]*audit.Attempt, ledger.MaxOpenPairs)
	errs := make([]error, len(attempts))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := g; i < len(attempts); i += 4 {
				attempts[i], errs[i] = begin(fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	_, err := begin("one more")
	require.ErrorIs(t, err, sdk.ErrTooManyAttempts)
	require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
	require.NoError(t, attempts[7].Finish(t.Context(), audit.Event{Outcome: audit.OutcomeFailure}))
	require.NoError(t, p.ForceFlush(t.Context()))
	mustBegin(t, p, "room again")
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestConcurrentAttemptsAfterKill repeatedly continues with the directory of a killed
// process after attempts were begun and finished. Each attempt must have exactly one end:
// its own, or a closing record.
func TestConcurrentAttemptsAfterKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	var begun, finished sync.Map
	for range 5 {
		p := openProvider(t, sdk.WithLedger(dir, ledger.WithSegmentSize(ledger.MinSegmentSize)), quiet())
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 60 {
					a, err := audit.Begin(t.Context(), p.Tracker("test"), payout(fmt.Sprint(i)))
					if err != nil {
						t.Error(err)
						return
					}
					begun.Store(a.ID(), true)
					if i%7 == g {
						continue // leave it open
					}
					if err := a.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}); err != nil {
						t.Error(err)
						return
					}
					finished.Store(a.ID(), true)
				}
			})
		}
		wg.Wait()
		dead := copyAsKilled(t, dir)
		require.NoError(t, p.Shutdown(t.Context()))
		dir = dead
	}
	p := openProvider(t, sdk.WithLedger(dir), quiet())
	require.NoError(t, p.Shutdown(t.Context()))
	ends, beginnings, closings := map[audit.ID]int{}, map[audit.ID]bool{}, map[audit.ID]bool{}
	for _, r := range stored(t, dir) {
		if r.ID == r.Attempt {
			beginnings[r.ID] = true
			continue
		}
		ends[r.Attempt]++
		if r.Actor.ID == sdk.RecoveryActor {
			closings[r.Attempt] = true
		}
	}
	for id := range beginnings {
		require.Equal(t, 1, ends[id])
	}
	assert.NotEmpty(t, closings)
	begun.Range(func(id, _ any) bool { return assert.True(t, beginnings[id.(audit.ID)]) })
	finished.Range(func(id, _ any) bool { return assert.False(t, closings[id.(audit.ID)]) })
}

// TestAttemptOwnersAreBounded tests that open attempts without end are forgotten.
func TestAttemptOwnersAreBounded(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := openProvider(t, sdk.WithSyncer(s))
	first := mustBegin(t, p, "first")
	for range 2 * 10_000 {
		mustBegin(t, p, "1")
	}
	end := payout("first")
	end.Attempt, end.Actor = first.ID(), audit.User("7")
	require.NoError(t, p.Tracker("test").Track(t.Context(), end))
	all := s.all()
	assert.Equal(t, first.ID(), all[len(all)-1].Attempt, "its owner is not known any more")
	require.NoError(t, first.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}))
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestAbandonedAttempts leaves more attempts open than a ledger has slots for, as requests
// that panic between Begin and Finish do.
func TestAbandonedAttempts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	options, reader, logs := observed()
	p := openProvider(t, append(options, sdk.WithLedger(dir, ledger.WithSyncInterval(time.Hour)), sdk.WithAttemptTimeout(6*time.Second))...)
	begin := func(actor, id string) (*audit.Attempt, error) {
		e := payout(id)
		e.Actor = audit.User(actor)
		return audit.Begin(t.Context(), p.Tracker("test"), e)
	}
	first, err := begin("careless", "first")
	require.NoError(t, err)
	n := 1
	for ; err == nil && n < ledger.MaxOpenPairs; n++ {
		_, err = begin("careless", fmt.Sprint(n))
	}
	require.ErrorIs(t, err, sdk.ErrTooManyAttempts, "of one actor")
	require.Less(t, n, ledger.MaxOpenPairs/2)
	other, err := begin("somebody else", "1")
	require.NoError(t, err)
	require.NoError(t, other.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}))

	require.Eventually(t, func() bool { return sumOf(t, reader, "audit.attempts.expired") >= int64(n-1) }, time.Minute, 10*time.Millisecond)
	late, err := begin("careless", "again")
	require.NoError(t, err, "the slots are free")
	require.NoError(t, first.Finish(t.Context(), audit.Event{Outcome: audit.OutcomeSuccess}), "late")
	assert.EqualValues(t, 1, sumOf(t, reader, "audit.attempts.open"))
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Positive(t, logs.Count("attempts were not finished in time"))

	before := stored(t, dir)
	p = openProvider(t, sdk.WithLedger(dir), quiet())
	require.NoError(t, p.Shutdown(t.Context()))
	closed := stored(t, dir)[len(before):]
	require.Len(t, closed, 1, "only what had a slot; nothing is invented about the others")
	assert.Equal(t, late.ID(), closed[0].Attempt)
	ends := 0
	for _, r := range before {
		if r.Attempt == first.ID() && !r.BeginsAttempt() {
			ends++
			assert.Equal(t, audit.OutcomeSuccess, r.Outcome)
		}
	}
	assert.Equal(t, 1, ends)
}

// sumOf returns the sum of a metric's values.
func sumOf(t *testing.T, reader sdkmetric.Reader, name string, attrs ...attribute.KeyValue) (sum int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	want := attribute.NewSet(attrs...)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			var points []metricdata.DataPoint[int64]
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				points = data.DataPoints
			case metricdata.Gauge[int64]:
				points = data.DataPoints
			}
			for _, point := range points {
				matches := true
				for _, kv := range want.ToSlice() {
					got, ok := point.Attributes.Value(kv.Key)
					matches = matches && ok && got == kv.Value
				}
				if matches {
					sum += point.Value
				}
			}
		}
	}
	return sum
}
