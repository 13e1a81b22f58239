package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryDeliveryIsAttempted(t *testing.T) {
	t.Parallel()
	gone := errors.New("sink is gone")
	var order []string
	named := func(name string, err error) *sink {
		return &sink{name: name, export: func(context.Context, []*record.Record) error {
			order = append(order, name)
			return err
		}}
	}
	a, b, c, d := named("a", nil), named("b", gone), named("c", nil), named("d", errors.Join(gone, audit.ErrMaybeStored))
	tracker := newTracker(t, sdk.WithSyncer(a), sdk.WithSyncer(b), sdk.WithSyncer(c), sdk.WithSyncer(d))
	err := tracker.Track(t.Context(), valid())
	assert.Equal(t, []string{"a", "b", "c", "d"}, order)

	var failed *audit.DeliveryError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, []string{"a", "c"}, failed.Stored)
	assert.Equal(t, []string{"b"}, failed.Failed)
	assert.Equal(t, []string{"d"}, failed.Unknown)
	require.ErrorIs(t, err, gone)
	require.ErrorIs(t, err, audit.ErrMaybeStored)

	again := valid()
	again.ID = failed.ID
	b.export, d.export = nil, nil
	require.NoError(t, tracker.Track(t.Context(), again))
	assert.Equal(t, failed.ID, b.one(t).ID, "the id is kept across attempts")
	assert.Equal(t, failed.ID, a.all()[0].ID)
}

func TestSyncerPassesValuesAndNoCancellation(t *testing.T) {
	t.Parallel()
	type key struct{}
	var sawValue any
	var sawErr error
	var bounded bool
	s := &sink{export: func(ctx context.Context, _ []*record.Record) error {
		sawValue, sawErr = ctx.Value(key{}), ctx.Err()
		_, bounded = ctx.Deadline()
		select {
		case <-ctx.Done():
			return errors.New("done too early")
		default:
			return nil
		}
	}}
	tracker := newTracker(t, sdk.WithSyncer(s))
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "session"))
	cancel()
	require.NoError(t, tracker.Track(ctx, valid()))
	assert.Equal(t, "session", sawValue)
	require.NoError(t, sawErr)
	assert.True(t, bounded)
}

func TestSyncerExportsOneAtATime(t *testing.T) {
	t.Parallel()
	var inside atomic.Int32
	s := &sink{export: func(context.Context, []*record.Record) error {
		if inside.Add(1) != 1 {
			return errors.New("concurrent export")
		}
		inside.Add(-1)
		return nil
	}}
	tracker := newTracker(t, sdk.WithSyncer(s))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				assert.NoError(t, tracker.Track(context.Background(), valid()))
			}
		})
	}
	wg.Wait()
	assert.Len(t, s.all(), 800)
}

func TestHungSyncer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var ctxErr error
		s := &sink{export: func(ctx context.Context, _ []*record.Record) error {
			<-release // ignores its context
			ctxErr = ctx.Err()
			return nil
		}}
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s), sdk.WithTrackTimeout(3*time.Second))
		require.NoError(t, err)
		tracker := p.Tracker("test")

		start := time.Now()
		err = tracker.Track(t.Context(), valid())
		assert.Equal(t, 3*time.Second, time.Since(start))
		require.ErrorIs(t, err, audit.ErrMaybeStored)
		var failed *audit.DeliveryError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, []string{"sink"}, failed.Unknown)

		start = time.Now()
		err = tracker.Track(t.Context(), valid())
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.NotErrorIs(t, err, audit.ErrMaybeStored, "Export was never called")
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, []string{"sink"}, failed.Failed)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, p.Shutdown(ctx), "an export is still running")
		assert.Zero(t, s.shutdowns, "the exporter is not shut down while Export runs")
		close(release)
		synctest.Wait()
		assert.ErrorIs(t, ctxErr, context.DeadlineExceeded)
		assert.Len(t, s.all(), 1)
		require.ErrorIs(t, tracker.Track(t.Context(), valid()), audit.ErrShutdown)
	})
}

func TestSyncerDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{export: func(ctx context.Context, _ []*record.Record) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithTrackTimeout(3*time.Second))
		for range 3 { // the deadline applies to every call
			start := time.Now()
			require.Error(t, tracker.Track(t.Context(), valid()))
			assert.Equal(t, 3*time.Second, time.Since(start))
			time.Sleep(time.Second)
		}
	})
}

// directSink is a sink that is an export.DirectExporter.
type directSink struct{ sink }

func (*directSink) Direct() bool { return true }

func TestDirectSyncer(t *testing.T) {
	t.Parallel()
	type key struct{}
	s := &directSink{}
	var inside, calls int
	var exporter string
	s.export = func(ctx context.Context, records []*record.Record) error {
		inside++
		assert.Equal(t, 1, inside, "calls never overlap")
		assert.Len(t, records, 1)
		assert.NoError(t, ctx.Err(), "the caller's cancellation has no effect")
		assert.Equal(t, "value", ctx.Value(key{}))
		exporter = goroutineName()
		calls++
		inside--
		if calls%100 == 0 {
			panic("from the exporter")
		}
		return nil
	}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	cancel()
	require.NoError(t, tracker.Track(ctx, valid()))
	assert.Equal(t, goroutineName(), exporter, "Export runs on the goroutine of Track")

	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 10 {
		wg.Go(func() {
			for range 100 {
				if err := tracker.Track(ctx, valid()); err != nil {
					assert.ErrorIs(t, err, audit.ErrMaybeStored)
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1001, calls)
	assert.EqualValues(t, 10, failed.Load(), "each panic is the error of one call")

	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, 1, s.shutdowns)
	require.ErrorIs(t, tracker.Track(t.Context(), valid()), audit.ErrShutdown)
}

// goroutineName returns the name of the calling goroutine.
func goroutineName() string {
	stack := make([]byte, 64)
	name, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "[")
	return name
}

func TestHungSyncerSharesTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := &sink{name: "hung", export: func(context.Context, []*record.Record) error { <-release; return nil }}
		good := &sink{name: "good"}
		tracker := newTracker(t, sdk.WithSyncer(hung), sdk.WithSyncer(good), sdk.WithTrackTimeout(4*time.Second))
		start := time.Now()
		err := tracker.Track(t.Context(), valid())
		assert.Equal(t, 2*time.Second, time.Since(start), "an equal share of the timeout")
		var failed *audit.DeliveryError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, []string{"good"}, failed.Stored)
		assert.Equal(t, []string{"hung"}, failed.Unknown)
		close(release)
	})
}

func TestExporterPanics(t *testing.T) {
	t.Parallel()
	s := &sink{
		export:   func(context.Context, []*record.Record) error { panic("secret") },
		shutdown: func(context.Context) error { panic("secret") },
	}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s))
	require.NoError(t, err)
	err = p.Tracker("test").Track(t.Context(), valid())
	require.ErrorIs(t, err, audit.ErrMaybeStored, "it may have been written before the panic")
	require.ErrorContains(t, err, "panicked with a string")
	assert.NotContains(t, err.Error(), "secret")
	err = p.Shutdown(t.Context())
	require.ErrorContains(t, err, "panicked with a string")
	assert.NotContains(t, err.Error(), "secret")
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	gone := errors.New("cannot close")
	s := &sink{shutdown: func(context.Context) error { return gone }}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	ctx, scope := audit.NewScope(t.Context())
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.Kind = audit.KindSignal })))

	require.ErrorIs(t, p.Shutdown(t.Context()), gone)
	require.ErrorIs(t, p.Shutdown(t.Context()), gone, "the same error again")
	assert.Equal(t, 1, s.shutdowns)
	require.ErrorIs(t, tracker.Track(t.Context(), valid()), audit.ErrShutdown)
	require.ErrorIs(t, scope.End(ctx), audit.ErrShutdown, "a held signal is lost with an error")
	require.ErrorIs(t, p.ForceFlush(t.Context()), audit.ErrShutdown)
}

func TestTrackDuringShutdown(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := &sink{}
		b := &sink{name: "batched"}
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s), sdk.WithBatcher(b))
		require.NoError(t, err)
		tracker := p.Tracker("test")
		var stored atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					err := tracker.Track(context.Background(), valid())
					if err != nil {
						assert.ErrorIs(t, err, audit.ErrShutdown)
						return
					}
					stored.Add(1)
				}
			})
		}
		for stored.Load() < 20 { // wait until some are stored
			require.NoError(t, p.ForceFlush(t.Context()))
		}
		require.NoError(t, p.Shutdown(t.Context()))
		wg.Wait()
		assert.Len(t, s.all(), int(stored.Load()), "Track returned nil if and only if the record is stored")
		assert.Len(t, b.all(), int(stored.Load()))
	}
}

func TestShutdownWhileTracking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{export: func(context.Context, []*record.Record) error { <-release; return nil }}
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s))
		require.NoError(t, err)
		tracked := make(chan error, 1)
		go func() { tracked <- p.Tracker("test").Track(context.Background(), valid()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = p.Shutdown(ctx)
		require.ErrorContains(t, err, "events were still being tracked")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		require.NoError(t, <-tracked)
	})
}

func TestBatcher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		p := newProvider(t, sdk.WithBatcher(s, sdk.WithBatchSize(3), sdk.WithBatchInterval(time.Second)))
		tracker := p.Tracker("test")
		for range 4 {
			require.NoError(t, tracker.Track(t.Context(), valid()))
		}
		synctest.Wait()
		assert.Equal(t, []int{3}, s.sizes(), "a full batch is exported at once")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []int{3, 1}, s.sizes(), "the rest is exported after the interval")

		for range 5 {
			require.NoError(t, tracker.Track(t.Context(), valid()))
		}
		require.NoError(t, p.ForceFlush(t.Context()))
		assert.Equal(t, []int{3, 1, 3, 2}, s.sizes())
		require.NoError(t, tracker.Track(t.Context(), valid()))
		require.NoError(t, p.Shutdown(t.Context()))
		assert.Equal(t, []int{3, 1, 3, 2, 1}, s.sizes(), "Shutdown exports what is queued")
		assert.Equal(t, 1, s.shutdowns)
	})
}

func TestBatcherQueueFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{export: func(context.Context, []*record.Record) error { <-release; return nil }}
		tracker := newTracker(t, sdk.WithBatcher(s, sdk.WithQueueSize(2), sdk.WithBatchSize(1)), sdk.WithTrackTimeout(5*time.Second))
		for range 3 { // one is exported, two are queued
			require.NoError(t, tracker.Track(t.Context(), valid()))
			synctest.Wait()
		}
		start := time.Now()
		err := tracker.Track(t.Context(), valid())
		require.ErrorIs(t, err, audit.ErrFull)
		assert.Equal(t, 5*time.Second, time.Since(start), "Track waits before it fails")

		waiting := make(chan error, 1)
		go func() { waiting <- tracker.Track(context.Background(), valid()) }()
		synctest.Wait()
		close(release)
		require.NoError(t, <-waiting, "Track succeeds once the queue has room")
		synctest.Wait()
		assert.Len(t, s.all(), 4)
	})
}

func TestBatcherRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("sink is gone")
		fails := 2
		s := &sink{export: func(context.Context, []*record.Record) error {
			if fails--; fails >= 0 {
				return gone
			}
			return nil
		}}
		p := newProvider(t, sdk.WithBatcher(s))
		require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
		require.NoError(t, p.ForceFlush(t.Context()))
		assert.Len(t, s.all(), 1)
	})
}

func TestBatcherGivesUp(t *testing.T) {
	t.Parallel()
	gone := errors.New("sink is gone")
	tests := []struct {
		name     string
		export   func(ids []audit.ID, calls *int) func(context.Context, []*record.Record) error
		calls    int
		stored   int
		lost     int
		contains string
	}{
		{"after the last attempt", func(_ []audit.ID, calls *int) func(context.Context, []*record.Record) error {
			return func(context.Context, []*record.Record) error { *calls++; return gone }
		}, 3, 0, 3, "3 records were not delivered: sink is gone"},
		{"at once after a permanent error", func(_ []audit.ID, calls *int) func(context.Context, []*record.Record) error {
			return func(context.Context, []*record.Record) error { *calls++; return export.Permanent(gone) }
		}, 1, 0, 3, "3 records were not delivered: sink is gone"},
		{"only rejected records", func(_ []audit.ID, calls *int) func(context.Context, []*record.Record) error {
			return func(_ context.Context, records []*record.Record) error {
				if *calls++; *calls == 1 {
					return &export.PartialError{Rejected: map[int]error{0: export.Permanent(gone), 2: gone}}
				}
				if len(records) != 1 {
					return errors.New("got a record again that was delivered")
				}
				return nil
			}
		}, 2, 1, 1, "1 records were not delivered: export: 2 records of the batch were rejected"},
		{"after panics", func(_ []audit.ID, calls *int) func(context.Context, []*record.Record) error {
			return func(context.Context, []*record.Record) error { *calls++; panic("secret") }
		}, 3, 0, 3, "panicked with a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				calls := 0
				var ids []audit.ID
				s := &sink{}
				s.export = tt.export(ids, &calls)
				p := newProvider(t, sdk.WithBatcher(s, sdk.WithMaxAttempts(3)), sdk.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
				for range 3 {
					e := valid()
					e.ID = audit.NewID()
					ids = append(ids, e.ID)
					require.NoError(t, p.Tracker("test").Track(t.Context(), e))
				}
				require.ErrorContains(t, p.ForceFlush(t.Context()), tt.contains)
				assert.Equal(t, tt.calls, calls)
				assert.Len(t, s.all(), tt.stored)
				logged := 0
				for _, id := range ids {
					if bytes.Contains(log.Bytes(), []byte(id.String())) {
						logged++
					}
				}
				assert.Equal(t, tt.lost, logged, "the IDs of lost records are logged: %s", log.String())
				assert.NotContains(t, log.String(), "secret")
				assert.NotContains(t, log.String(), "article")
			})
		})
	}
}

func TestBatcherShutdownTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{export: func(ctx context.Context, _ []*record.Record) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		p, err := sdk.NewTrackerProvider(sdk.WithBatcher(s, sdk.WithBatchSize(2)), sdk.WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		flushed := p.ForceFlush(ctx)
		require.ErrorIs(t, flushed, context.DeadlineExceeded)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err = p.Shutdown(ctx)
		assert.Equal(t, time.Second, time.Since(start))
		require.ErrorContains(t, err, "3 records were not delivered")
		assert.Equal(t, 1, s.shutdowns)
	})
}

func TestBatcherShutdownWithHungExporter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{export: func(context.Context, []*record.Record) error { <-release; return nil }}
		p, err := sdk.NewTrackerProvider(sdk.WithBatcher(s))
		require.NoError(t, err)
		require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, p.Shutdown(ctx), "an export is still running")
		assert.Zero(t, s.shutdowns)
		close(release)
	})
}
