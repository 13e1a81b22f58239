package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// quick returns options for exporters without long pauses.
func quick(opts ...sdk.ExportOption) []sdk.ExportOption {
	return append([]sdk.ExportOption{
		sdk.WithBatchInterval(time.Millisecond), sdk.WithBackoff(time.Millisecond), sdk.WithBatchSize(10),
	}, opts...)
}

// follower is an exporter that remembers the records and the IDs of their targets.
type follower struct {
	id string
	// reject returns the error for one record, or nil to accept it.
	reject func(target string) error
	// fail returns the error for the whole batch.
	fail func(ctx context.Context) error

	mu    sync.Mutex
	order []string
	seen  []*record.Record
}

func (f *follower) Name() string { return f.id }

func (f *follower) Export(ctx context.Context, records []*record.Record) error {
	if f.fail != nil {
		if err := f.fail(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	partial := &export.PartialError{Rejected: map[int]error{}}
	for i, r := range records {
		if f.reject != nil {
			if err := f.reject(r.Target.ID); err != nil {
				partial.Rejected[i] = err
				continue
			}
		}
		f.order = append(f.order, r.Target.ID)
		f.seen = append(f.seen, r)
	}
	if len(partial.Rejected) > 0 {
		return partial
	}
	return nil
}

func (f *follower) Shutdown(context.Context) error { return nil }

func (f *follower) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.order)
}

// trackNumbered tracks n events whose targets have the IDs from, from+1, and so on. It
// returns the IDs.
func trackNumbered(t *testing.T, p *sdk.TrackerProvider, from, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		id := fmt.Sprint(from + i)
		require.NoError(t, p.Tracker("test").Track(t.Context(), with(func(e *audit.Event) { e.Target.ID = id })))
		ids = append(ids, id)
	}
	return ids
}

func openProvider(t *testing.T, opts ...sdk.Option) *sdk.TrackerProvider {
	t.Helper()
	p, err := sdk.NewTrackerProvider(opts...)
	require.NoError(t, err)
	return p
}

func TestLedgerWithoutExporters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	p := openProvider(t, sdk.WithLedger(dir))
	want := trackNumbered(t, p, 1, 50)
	require.NoError(t, p.Shutdown(t.Context()))
	require.ErrorIs(t, p.Tracker("test").Track(t.Context(), valid()), audit.ErrShutdown)

	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	var got []string
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		var record record.Record
		require.NoError(t, record.UnmarshalJSON(e.Data))
		got = append(got, record.Target.ID)
	}
	require.NoError(t, r.Close())
	assert.Equal(t, want, got)
}

func TestLedgerExportsInOrder(t *testing.T) {
	t.Parallel()
	a, b := &follower{id: "a"}, &follower{id: "b"}
	p := openProvider(t, sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(a, quick()...), sdk.ExportTo(b, quick()...)))
	want := trackNumbered(t, p, 1, 500)
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, want, a.ids())
	assert.Equal(t, want, b.ids())
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, want, a.ids(), "no record twice")
	same := 0
	for i := range a.seen {
		if a.seen[i] == b.seen[i] {
			same++
		}
	}
	assert.Equal(t, len(want), same, "records are decoded once for both exporters")
}

func TestLedgerContinuesAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	down := errors.New("the sink is down")
	var broken atomic.Bool
	a, b := &follower{id: "a"}, &follower{id: "b"}
	b.fail = func(context.Context) error {
		if broken.Load() {
			return down
		}
		return nil
	}
	open := func() *sdk.TrackerProvider {
		return openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(a, quick()...), sdk.ExportTo(b, quick()...)), sdk.WithLogger(slog.New(slog.DiscardHandler)))
	}
	p := open()
	want := trackNumbered(t, p, 1, 25)
	require.NoError(t, p.ForceFlush(t.Context()))
	broken.Store(true)
	want = append(want, trackNumbered(t, p, 26, 25)...)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := p.ForceFlush(ctx)
	require.ErrorContains(t, err, "b: 25 records are not delivered yet")
	assert.NotContains(t, err.Error(), "a:")
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = p.Shutdown(ctx)
	require.ErrorContains(t, err, "b: 25 records are not delivered; they stay in the ledger")
	assert.Equal(t, want, a.ids())
	assert.Equal(t, want[:25], b.ids())

	broken.Store(false)
	p = open()
	want = append(want, trackNumbered(t, p, 51, 1)...)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, want, a.ids(), "no record twice")
	assert.Equal(t, want, b.ids())
}

func TestLedgerHungExporter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	release := make(chan struct{})
	hung := &follower{id: "hung", fail: func(context.Context) error { <-release; return nil }}
	good := &follower{id: "good"}
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(hung, quick()...), sdk.ExportTo(good, quick()...)))
	want := trackNumbered(t, p, 1, 100)
	require.Eventually(t, func() bool { return len(good.ids()) == 100 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, want, good.ids())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := p.Shutdown(ctx)
	require.ErrorContains(t, err, "hung: 100 records are not delivered")
	require.ErrorContains(t, err, "an export is still running")
	close(release)

	again := &follower{id: "hung"}
	p = openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(again, quick()...), sdk.ExportTo(good, quick()...)))
	require.NoError(t, p.Shutdown(t.Context()), "the directory is unlocked even though an export hung")
	assert.Equal(t, want, again.ids(), "the result of the hung export is unknown")
}

func TestLedgerDeadLetters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	var logs bytes.Buffer
	var fixed atomic.Bool
	attempts := map[string]int{}
	s := &follower{id: "strict"}
	s.reject = func(target string) error {
		attempts[target]++
		switch {
		case fixed.Load():
			return nil
		case target == "3" || target == "17":
			return export.Permanent(errors.New("rejected, with password=hunter2hunter2"))
		case target == "5" && attempts[target] < 4:
			return errors.New("not now")
		}
		return nil
	}
	open := func() *sdk.TrackerProvider {
		return openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(s, quick()...)), sdk.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))))
	}
	p := open()
	want := trackNumbered(t, p, 1, 20)
	require.NoError(t, p.ForceFlush(t.Context()))
	want = slices.DeleteFunc(want, func(id string) bool { return id == "3" || id == "17" })
	assert.ElementsMatch(t, want, s.ids(), "the other records are exported")
	assert.Equal(t, 4, attempts["5"])

	list := func(p *sdk.TrackerProvider) (letters []sdk.DeadLetter) {
		for l, err := range p.DeadLetters(t.Context()) {
			require.NoError(t, err)
			letters = append(letters, l)
		}
		return letters
	}
	letters := list(p)
	require.Len(t, letters, 2)
	for i, seq := range []uint64{3, 17} {
		assert.Equal(t, "strict", letters[i].Exporter)
		assert.Equal(t, seq, letters[i].Seq)
		assert.Equal(t, 1, letters[i].Attempts)
		assert.Equal(t, "rejected, with password=***REDACTED***", letters[i].Reason)
		assert.Equal(t, fmt.Sprint(seq), letters[i].Record.Target.ID)
		assert.WithinDuration(t, time.Now(), letters[i].Time, time.Minute)
		assert.False(t, letters[i].Replayed)
	}
	require.NoError(t, p.Shutdown(t.Context()))

	p = open()
	n, err := p.ReplayDeadLetters(t.Context(), "strict")
	require.NoError(t, err, "rejected again")
	assert.Zero(t, n)
	letters = list(p)
	require.Len(t, letters, 4)
	assert.True(t, letters[0].Replayed && letters[1].Replayed)
	assert.False(t, letters[2].Replayed || letters[3].Replayed)
	assert.Equal(t, 2, letters[2].Attempts)

	fixed.Store(true)
	n, err = p.ReplayDeadLetters(t.Context(), "strict")
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	n, err = p.ReplayDeadLetters(t.Context(), "strict")
	require.NoError(t, err)
	assert.Zero(t, n, "each is replayed once")
	_, err = p.ReplayDeadLetters(t.Context(), "nobody")
	require.ErrorContains(t, err, "no ledger of the provider")
	require.NoError(t, p.Shutdown(t.Context()))
	assert.ElementsMatch(t, append(want, "3", "17"), s.ids())
}

func TestLedgerRestartDuringBatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	var fixed atomic.Bool
	s := &follower{id: "strict"}
	s.reject = func(target string) error {
		if (target == "2" || target == "7") && !fixed.Load() {
			return errors.New("not now")
		}
		return nil
	}
	quiet := sdk.WithLogger(slog.New(slog.DiscardHandler))
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(s, quick(sdk.WithBatchInterval(300*time.Millisecond))...)), quiet)
	want := trackNumbered(t, p, 1, 30)
	require.Eventually(t, func() bool { return len(s.ids()) >= 8 }, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.Error(t, p.Shutdown(ctx))

	fixed.Store(true)
	p = openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(s, quick()...)), quiet)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.ElementsMatch(t, want, s.ids(), "a clean restart delivers nothing twice")
}

func TestLedgerEntryIsNotARecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	p := openProvider(t, sdk.WithLedger(dir))
	trackNumbered(t, p, 1, 1)
	require.NoError(t, p.Shutdown(t.Context()))
	l, err := ledger.Open(dir)
	require.NoError(t, err)
	_, err = l.Append(t.Context(), []byte("not a record"))
	require.NoError(t, err)
	require.NoError(t, l.Close())

	s := &follower{id: "late"}
	p = openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(s, quick()...)))
	trackNumbered(t, p, 3, 1)
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, []string{"1", "3"}, s.ids(), "a new exporter starts with the oldest record")
	for letter, err := range p.DeadLetters(t.Context()) {
		require.NoError(t, err)
		assert.EqualValues(t, 2, letter.Seq)
		assert.Equal(t, "not a record", string(letter.Raw))
		assert.Contains(t, letter.Reason, "the entry is not a record")
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestLedgerFull(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	s := &follower{id: "slow", fail: func(context.Context) error {
		if !open.Load() {
			return errors.New("not yet")
		}
		return nil
	}}
	p := openProvider(t, sdk.WithTrackTimeout(2*time.Second), sdk.WithLogger(slog.New(slog.DiscardHandler)),
		sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(s, quick()...),
			ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithMaxSize(2*ledger.MinSegmentSize), ledger.WithRetention(0, 0)))
	event := with(func(e *audit.Event) {
		e.Metadata = []attribute.KeyValue{attribute.String("note", string(bytes.Repeat([]byte("x"), 8000)))}
	})
	var err error
	stored := 0
	for ; err == nil && stored < 100; stored++ {
		err = p.Tracker("test").Track(t.Context(), event)
	}
	require.ErrorIs(t, err, audit.ErrFull)
	var failed *audit.DeliveryError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, []string{"ledger"}, failed.Failed)

	open.Store(true)
	require.NoError(t, p.ForceFlush(t.Context()))
	for range 100 {
		require.NoError(t, p.Tracker("test").Track(t.Context(), event), "there is room again")
	}
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Len(t, s.ids(), stored-1+100)
}

func TestLedgerWithSyncInterval(t *testing.T) {
	t.Parallel()
	s := &follower{id: "sink"}
	p := openProvider(t, sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(s, quick()...), ledger.WithSyncInterval(time.Hour)))
	want := trackNumbered(t, p, 1, 100)
	assert.Empty(t, s.ids(), "exporters get synced records only")
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, want, s.ids())
	want = append(want, trackNumbered(t, p, 101, 10)...)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, want, s.ids())
}

func TestInvalidLedgerOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	p := openProvider(t, sdk.WithLedger(dir))
	a := &follower{id: "a"}
	for reason, opt := range map[string]sdk.Option{
		"locked by another process":       sdk.WithLedger(dir),
		"path of the directory is empty":  sdk.WithLedger(""),
		"exporter is nil":                 sdk.WithLedger(dir+"2", sdk.ExportTo(nil)),
		"two exporters are named":         sdk.WithLedger(dir+"2", sdk.ExportTo(a), sdk.ExportTo(a)),
		"at most 1024":                    sdk.WithLedger(dir+"2", sdk.ExportTo(a, sdk.WithBatchSize(2000))),
		"is not an option of a ledger":    sdk.WithLedger(dir+"2", foreignOption{}),
		"WithBatchBytes: the number must": sdk.WithLedger(dir+"2", sdk.ExportTo(a, sdk.WithBatchBytes(0))),
		"must not be negative":            sdk.WithLedger(dir+"2", ledger.WithSyncInterval(-1)),
		"less than two segments":          sdk.WithLedger(dir+"2", ledger.WithMaxSize(1)),
		"is not between":                  sdk.WithLedger(dir+"2", ledger.WithSegmentSize(1)),
		"age and size must not be ":       sdk.WithLedger(dir+"2", ledger.WithRetention(-1, 0)),
	} {
		_, err := sdk.NewTrackerProvider(opt)
		require.ErrorContains(t, err, reason)
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestTwoLedgers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := &follower{id: "a"}, &follower{id: "b"}
	p := openProvider(t, sdk.WithLedger(dir+"/1", sdk.ExportTo(a, quick()...)), sdk.WithLedger(dir+"/2", sdk.ExportTo(b, quick()...)))
	want := trackNumbered(t, p, 1, 10)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, want, a.ids())
	assert.Equal(t, want, b.ids())
}

func TestLedgerConcurrentTracking(t *testing.T) {
	t.Parallel()
	s := &follower{id: "sink"}
	p := openProvider(t, sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(s, quick(sdk.WithBatchSize(500))...),
		ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithRetention(0, 0)))
	var wg sync.WaitGroup
	want := map[string]bool{}
	for i := range 8 {
		for j := range 100 {
			want[fmt.Sprint(i*100+j)] = true
		}
		wg.Go(func() { trackNumbered(t, p, i*100, 100) })
	}
	wg.Wait()
	require.NoError(t, p.Shutdown(t.Context()))
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), s.ids())
}

type foreignOption struct{}

func (foreignOption) LedgerOption() {}
