package sdk_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errBusy = errors.New("busy")

func TestRetryAfterWrapsError(t *testing.T) {
	t.Parallel()
	require.NoError(t, export.RetryAfter(nil, time.Second))
	assert.Equal(t, errBusy, export.RetryAfter(errBusy, 0))
	marked := export.RetryAfter(export.Permanent(errBusy), time.Second)
	require.ErrorIs(t, marked, errBusy)
	assert.True(t, export.IsPermanent(marked))
	assert.Equal(t, "busy", marked.Error())
}

// attempts is an exporter that returns each of the errors in turn, and records the times
// of the calls.
type attempts struct {
	mu     sync.Mutex
	errors []error
	times  []time.Time
}

func (*attempts) Name() string { return "attempts" }

func (a *attempts) Export(context.Context, []*record.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, time.Now())
	if n := len(a.times); n <= len(a.errors) {
		return a.errors[n-1]
	}
	return nil
}

func (*attempts) Shutdown(context.Context) error { return nil }

// pauses returns the time between the calls.
func (a *attempts) pauses() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var pauses []time.Duration
	for i := 1; i < len(a.times); i++ {
		pauses = append(pauses, a.times[i].Sub(a.times[i-1]))
	}
	return pauses
}

func failing() *attempts {
	return &attempts{errors: []error{
		export.RetryAfter(errBusy, 7*time.Second),
		&export.PartialError{Rejected: map[int]error{0: export.RetryAfter(errBusy, 20*time.Second)}},
		export.RetryAfter(errBusy, time.Hour),
		export.RetryAfter(errBusy, time.Nanosecond),
	}}
}

func TestRetryAfterFromBatcher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := failing()
		tracker := newTracker(t, sdk.WithBatcher(a, sdk.WithBackoff(time.Millisecond), sdk.WithMaxAttempts(10)))
		require.NoError(t, tracker.Track(t.Context(), valid()))
		time.Sleep(time.Hour)
		requirePauses(t, a)
	})
}

func TestRetryAfterFromLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := &attempts{errors: []error{
		&export.PartialError{Rejected: map[int]error{0: export.RetryAfter(errBusy, 300*time.Millisecond)}},
	}}
	p := newProvider(t, sdk.WithLedger(dir, sdk.ExportTo(a, quick()...)))
	require.NoError(t, p.Tracker("test").Track(t.Context(), valid()))
	require.Eventually(t, func() bool { return len(a.pauses()) == 1 }, 5*time.Second, 5*time.Millisecond)
	assert.GreaterOrEqual(t, a.pauses()[0], 300*time.Millisecond)
}

func requirePauses(t *testing.T, a *attempts) {
	t.Helper()
	pauses := a.pauses()
	require.Len(t, pauses, 4)
	assert.Equal(t, []time.Duration{7 * time.Second, 20 * time.Second, export.MaxRetryAfter}, pauses[:3])
	assert.Less(t, pauses[3], 100*time.Millisecond, "the backoff is longer")
}
