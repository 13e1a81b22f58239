package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/gaps"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dropping is a processor that drops records of some actions.
type dropping struct{}

func (*dropping) Process(ctx context.Context, r *record.Record, next sdk.Next) error {
	if r.Action == "debug.trace" || strings.HasPrefix(r.Action, "audit.epoch.") {
		return nil
	}
	return next(ctx, r)
}

// readGaps reads the report of a ledger.
func readGaps(t *testing.T, dir string) *gaps.Report {
	t.Helper()
	r, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	report, err := gaps.Read(t.Context(), r, time.Time{}, time.Time{})
	require.NoError(t, err)
	return report
}

// TestGapRecords counts what happens to events and to requests of a real server, exactly.
func TestGapRecords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	picky := &follower{id: "picky", reject: func(target string) error {
		if target == "poison" {
			return export.Permanent(errors.New("poison"))
		}
		return nil
	}}
	forgetful := &sink{name: "forgetful", export: func(_ context.Context, records []*record.Record) error {
		if records[0].Target.ID == "poison" {
			return export.Permanent(errors.New("poison"))
		}
		return nil
	}}
	p := newProvider(t,
		sdk.WithLedger(dir, sdk.ExportTo(picky, quick()...)), sdk.WithBatcher(forgetful, sdk.WithBatchSize(1)),
		sdk.WithProcessor(&dropping{}), sdk.WithValidation(sdk.WithRequired("*", "tenant")), sdk.WithGapRecords(time.Hour))
	tracker := p.Tracker("test")
	ctx := t.Context()
	event := with(func(e *audit.Event) { e.Tenant = "acme" })
	for range 3 {
		require.NoError(t, tracker.Track(ctx, event))
	}
	poison := event
	poison.Target.ID = "poison"
	for range 2 {
		require.NoError(t, tracker.Track(ctx, poison))
	}
	require.Error(t, tracker.Track(ctx, valid()), "it has no tenant")
	actorless := event
	actorless.Actor = audit.Actor{}
	require.ErrorIs(t, tracker.Track(ctx, actorless), audit.ErrNoActor)
	debug := event
	debug.Action = "debug.trace"
	for range 4 {
		require.ErrorIs(t, tracker.Track(ctx, debug), sdk.ErrDropped)
	}

	exempt, err := policy.New(policy.Rule{Name: "search", Routes: []string{"/search"}, Exempt: "it only reads"})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /audited", func(_ http.ResponseWriter, r *http.Request) {
		assert.NoError(t, tracker.Track(r.Context(), event))
	})
	mux.HandleFunc("POST /forgotten", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /search", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /read", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("POST /panics", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	quiet := audithttp.WithErrorHandler(func(context.Context, error) {})
	coverage := audithttp.Middleware(audithttp.WithCoverage(tracker, exempt), quiet)
	server := httptest.NewServer(coverage(coverage(mux))) // the inner one must not count too
	defer server.Close()
	for path, n := range map[string]int{"POST /audited": 6, "POST /forgotten": 5, "POST /search": 4, "GET /read": 3, "POST /broken": 2, "POST /panics": 1} {
		method, path, _ := strings.Cut(path, " ")
		for range n {
			req, err := http.NewRequestWithContext(ctx, method, server.URL+path, http.NoBody)
			require.NoError(t, err)
			if res, err := server.Client().Do(req); err == nil {
				require.NoError(t, res.Body.Close())
			}
		}
	}
	server.Close()
	_ = p.ForceFlush(ctx) // the batcher may have given up the records already
	before := readGaps(t, dir)
	assert.Equal(t, gaps.Unknown, before.Verdict(), "the process runs")

	require.NoError(t, p.Shutdown(ctx))
	report := readGaps(t, dir)
	assert.Equal(t, gaps.Incomplete, report.Verdict(), "%+v", report)
	require.Len(t, report.Epochs, 1)
	assert.True(t, report.Epochs[0].Closed)
	assert.Equal(t, map[string]int64{"invalid": 1, "no_actor": 1}, report.Total.Rejected)
	assert.Equal(t, map[string]int64{"*sdk_test.dropping": 4}, report.Total.Dropped)
	assert.Equal(t, map[string]int64{"picky": 2}, report.Total.DeadLettered)
	assert.Equal(t, map[string]int64{"forgetful": 2}, report.Total.Lost)
	assert.Equal(t, map[string]int64{
		semconv.RequestsSeen: 21, semconv.RequestsAudited: 6, semconv.RequestsMissing: 5, semconv.RequestsExempt: 4,
		semconv.RequestsNotRequired: 3, semconv.RequestsFailed: 3,
	}, report.Total.Requests)
	stored := countRecords(t, dir)
	assert.Equal(t, int64(stored), report.Total.Recorded, "all records but those of the epoch")
	assert.Equal(t, int64(1+1+4+2+2+5), report.Total.Gaps())
}

// countRecords returns how many records a ledger has that are not those of epochs.
func countRecords(t *testing.T, dir string) (n int) {
	t.Helper()
	r, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	for _, err := range r.Find(t.Context(), query.Filter{Not: []query.Filter{{TargetTypes: []string{semconv.TargetEpoch}}}}) {
		require.NoError(t, err)
		n++
	}
	return n
}

// TestGapRecordsWhileStopping finds a dead letter that an exporter made after the epoch was closed.
func TestGapRecordsWhileStopping(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	stopping := &follower{id: "stopping"}
	closed := make(chan struct{})
	stopping.reject = func(target string) error {
		if target != "1001" {
			return nil
		}
		<-closed
		return export.Permanent(errors.New("too late"))
	}
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(stopping, quick(sdk.WithBatchSize(1))...)),
		sdk.WithSyncer(recordHook(func(r *record.Record) {
			if r.Action == semconv.ActionEpochClose {
				close(closed)
			}
		})), sdk.WithGapRecords(time.Hour))
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
	require.NoError(t, p.Shutdown(t.Context()))
	report := readGaps(t, dir)
	assert.Equal(t, map[string]int64{"stopping": 1}, report.Total.DeadLettered)
	assert.Equal(t, gaps.Incomplete, report.Verdict())
}

// recordHook is an exporter that calls a function for each record.
type recordHook func(r *record.Record)

func (recordHook) Name() string { return "hook" }

func (h recordHook) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		h(r)
	}
	return nil
}

func (recordHook) Shutdown(context.Context) error { return nil }

// TestGapRecordsAreNotCounted checks that counts cause no further records, also if they are dead
// letters themselves, and that a sink that fails gets them later.
func TestGapRecordsAreNotCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		fails.Store(true)
		s := &sink{export: func(context.Context, []*record.Record) error {
			if fails.Load() {
				return errors.New("the sink is gone")
			}
			return nil
		}}
		p := newProvider(t, sdk.WithSyncer(s), sdk.WithGapRecords(time.Minute))
		tracker := p.Tracker("test")
		require.Error(t, tracker.Track(t.Context(), valid()))
		time.Sleep(5 * time.Minute)
		assert.Empty(t, s.everything())
		fails.Store(false)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		all := s.everything()
		require.Len(t, all, 2, "the beginning and the counts, and nothing afterwards")
		assert.Equal(t, semconv.ActionEpochOpen, all[0].Action)
		assert.Equal(t, semconv.ActionEpochCount, all[1].Action)
		assert.True(t, all[1].Time.After(all[0].Time))
		require.NoError(t, tracker.Track(t.Context(), valid()))
		require.NoError(t, p.Shutdown(t.Context()))
		all = s.everything()
		require.Len(t, all, 4)
		report, err := gaps.Read(t.Context(), querytest.NewReader(all...), time.Time{}, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, gaps.Counts{Recorded: 1, Rejected: map[string]int64{"delivery": 1}}, report.Total)
		assert.Equal(t, audit.System(sdk.CountingActor), all[3].Actor)
	})
}

// TestGapRecordsOfAFullLedger checks that the counts of a full ledger are recorded once it has
// room.
func TestGapRecordsOfAFullLedger(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	blocked := make(chan struct{})
	slow := &follower{id: "slow", fail: func(ctx context.Context) error {
		select {
		case <-blocked:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	p := newProvider(t, sdk.WithLedger(dir, sdk.ExportTo(slow, quick()...), ledger.WithSegmentSize(ledger.MinSegmentSize),
		ledger.WithMaxSize(4*ledger.MinSegmentSize), ledger.WithRetention(0, 1)),
		sdk.WithTrackTimeout(200*time.Millisecond), sdk.WithGapRecords(time.Hour))
	failed := map[string]int64{}
	big := with(func(e *audit.Event) { e.Reason = strings.Repeat("long ", 1000) })
	for failed["ledger_full"] == 0 {
		switch err := p.Tracker("test").Track(t.Context(), big); {
		case errors.Is(err, audit.ErrFull):
			failed["ledger_full"]++
		case err != nil:
			require.ErrorIs(t, err, audit.ErrMaybeStored) // the machine is slow
			failed["maybe_stored"]++
		}
	}
	close(blocked)
	require.Eventually(t, func() bool { return p.ForceFlush(t.Context()) == nil }, time.Minute, time.Millisecond,
		"it fails until the exporter has what it missed, and a segment could be removed")
	require.NoError(t, p.Shutdown(t.Context()))
	report := readGaps(t, dir)
	assert.Equal(t, failed, report.Total.Rejected)
}

func TestWithGapRecordsRejects(t *testing.T) {
	t.Parallel()
	_, err := sdk.NewTrackerProvider(sdk.WithSyncer(&sink{}), sdk.WithGapRecords(0))
	require.ErrorContains(t, err, "WithGapRecords: the interval must be positive")
}

func TestCountRequestAllocatesNothing(t *testing.T) { // not parallel: it counts allocations
	tracker := newTracker(t, sdk.WithSyncer(&sink{}), sdk.WithGapRecords(time.Hour))
	assert.Zero(t, testing.AllocsPerRun(1000, func() { plumbing.CountRequest(tracker, plumbing.RequestSeen) }))
}

// TestLosses counts events that never reached the provider, and those that come while it shuts
// down.
func TestLosses(t *testing.T) { //nolint:paralleltest // it sets the global provider
	audit.SetTrackerProvider(nil)
	t.Cleanup(func() { audit.SetTrackerProvider(nil) })
	early := audit.GetTrackerProvider().Tracker("early")
	ctx := t.Context()
	uncounted := newProvider(t, sdk.WithSyncer(&sink{name: "s"}))
	for range 3 {
		require.ErrorIs(t, early.Track(ctx, valid()), audit.ErrNoProvider)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	release := make(chan struct{})
	slow := &follower{id: "slow", reject: func(string) error {
		<-release
		return nil
	}}
	p := newProvider(t, sdk.WithLedger(dir, sdk.ExportTo(slow, quick()...)), sdk.WithGapRecords(time.Hour))
	audit.SetTrackerProvider(p)
	audit.SetTrackerProvider(p) // they are counted once
	plumbing.CountLoss(early, plumbing.LossMonitor, 2)
	plumbing.CountLoss(uncounted.Tracker("x"), plumbing.LossMonitor, 1) // it does not count
	require.NoError(t, early.Track(ctx, valid()))

	done := make(chan error, 1)
	go func() { done <- p.Shutdown(ctx) }()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	rejected := int64(0)
	require.Eventually(t, func() bool {
		if errors.Is(p.ForceFlush(canceled), audit.ErrShutdown) {
			require.ErrorIs(t, early.Track(ctx, valid()), audit.ErrShutdown)
			rejected++
		}
		return rejected == 5
	}, time.Minute, time.Millisecond)
	close(release)
	require.NoError(t, <-done)
	report := readGaps(t, dir)
	assert.Equal(t, map[string]int64{"no_provider": 3, "monitor": 2, "shutdown": 5}, report.Total.Rejected)
	assert.Equal(t, gaps.Incomplete, report.Verdict())
	assert.EqualValues(t, 1, report.Total.Recorded)
}
