package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var payout = audit.Event{
	Action: "payout.send", Operation: audit.OperationExecute, Target: audit.Target{Type: "payout", ID: "7"}, Reason: "monthly",
	Metadata: []attribute.KeyValue{attribute.String("bank", "first")},
}

func TestDo(t *testing.T) {
	t.Parallel()
	broken := &fs.PathError{Op: "open", Path: "secret", Err: fs.ErrNotExist}
	for name, tc := range map[string]struct {
		fn        func() error
		outcome   audit.Outcome
		errorType string
	}{
		"success":   {func() error { return nil }, audit.OutcomeSuccess, ""},
		"failure":   {func() error { return broken }, audit.OutcomeFailure, "*fs.PathError"},
		"wrapped":   {func() error { return fmt.Errorf("sending: %w", broken) }, audit.OutcomeFailure, "*fs.PathError"},
		"denied":    {func() error { return fs.ErrPermission }, audit.OutcomeDenied, "*errors.errorString"},
		"timed out": {func() error { return context.DeadlineExceeded }, audit.OutcomeUnknown, "context.DeadlineExceeded"},
		"canceled":  {func() error { return context.Canceled }, audit.OutcomeUnknown, "context.Canceled"},
		"panic":     {func() error { panic("secret") }, audit.OutcomeFailure, "aborted"},
		"goexit":    {func() error { runtime.Goexit(); return nil }, audit.OutcomeFailure, "aborted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
			called := false
			var err error
			var panicked any
			var wg sync.WaitGroup
			wg.Go(func() { // Goexit ends a goroutine of its own
				defer func() { panicked = recover() }()
				err = audit.Do(ctx, tracker, payout, func(context.Context) error {
					called = true
					require.Len(t, trail.all(), 1, "the attempt is on record before its effect")
					return tc.fn()
				})
			})
			wg.Wait()
			assert.True(t, called)
			if name == "panic" {
				assert.Equal(t, "secret", panicked)
			} else {
				assert.Nil(t, panicked)
			}
			if tc.errorType != "aborted" {
				assert.Equal(t, tc.fn(), err, "the function's error is unchanged")
			}

			records := trail.all()
			require.Len(t, records, 2)
			begun, ended := records[0], records[1]
			assert.Equal(t, begun.ID, ended.Attempt)
			assert.Equal(t, tc.outcome, ended.Outcome)
			assert.Equal(t, payout.Target, ended.Target)
			assert.Equal(t, payout.Reason, ended.Reason)
			metadata := payout.Metadata
			if tc.errorType != "" {
				metadata = append([]attribute.KeyValue{}, metadata...)
				metadata = append(metadata, semconv.ErrorTypeKey.String(tc.errorType))
			}
			assert.Equal(t, metadata, ended.Metadata)
		})
	}
}

func TestDoWithoutRecord(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	err := audit.Do(t.Context(), tracker, payout, func(context.Context) error {
		t.Error("the function was called although the attempt has no actor")
		return nil
	})
	require.ErrorIs(t, err, audit.ErrNoActor)
	assert.Empty(t, trail.all())
}

func TestDoCoversItsSignals(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	event := audit.Event{Action: "article.archive", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article", ID: "1"}}
	require.NoError(t, audit.Do(ctx, tracker, event, func(ctx context.Context) error {
		return tracker.Track(ctx, audit.Event{
			Kind: audit.KindSignal, Action: "article.update", Operation: audit.OperationUpdate,
			Outcome: audit.OutcomeSuccess, Target: event.Target,
		})
	}))
	records := trail.all()
	require.Len(t, records, 2, "the signal says nothing that the attempt does not say")
	assert.Equal(t, "article.archive", records[1].Action)
}

func TestDoFinishFails(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	ctx, cancel := context.WithCancel(audit.ContextWithActor(t.Context(), audit.User("42")))
	cancel() // the client went away: the end is recorded all the same
	require.NoError(t, audit.Do(ctx, tracker, payout, func(context.Context) error { return nil }))

	fails := &failsLater{Tracker: tracker}
	broken := errors.New("bank closed")
	err := audit.Do(ctx, fails, payout, func(context.Context) error { return broken })
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, errDiskFull)

	// A panic, and the end of a goroutine, continue as they are, and the error is reported.
	panics := &failsLater{Tracker: tracker}
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		_ = audit.Do(ctx, panics, payout, func(context.Context) error { panic(http.ErrAbortHandler) })
	})
	require.ErrorIs(t, panics.reported, errDiskFull)
	exits, done := &failsLater{Tracker: tracker}, make(chan struct{})
	go func() {
		defer close(done)
		_ = audit.Do(ctx, exits, payout, func(context.Context) error { runtime.Goexit(); return nil })
	}()
	<-done
	require.ErrorIs(t, exits.reported, errDiskFull)
}

var errDiskFull = errors.New("disk full")

// failsLater is a tracker whose second call fails.
type failsLater struct {
	audit.Tracker
	calls    int
	reported error
}

func (f *failsLater) Report(_ context.Context, err error) { f.reported = err }

func (f *failsLater) Track(ctx context.Context, e audit.Event) error {
	if f.calls++; f.calls > 1 {
		return errDiskFull
	}
	return f.Tracker.Track(ctx, e)
}
