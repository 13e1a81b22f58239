// Package workload tracks events for tests of exporters: into a ledger that an exporter follows.
// It keeps the IDs of the acknowledged events, all of which must be delivered.
package workload

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// concurrency is the number of goroutines of TrackConcurrently.
const concurrency = 10

// Workload tracks events through a provider of its own.
type Workload struct {
	// Provider has a ledger in Dir, which the exporter follows.
	Provider *sdk.TrackerProvider
	Dir      string
	// Last is the number of the last event. The next event gets the next number.
	Last atomic.Int64

	t       *testing.T
	tracker audit.Tracker
	event   func(n int64) audit.Event

	mu           sync.Mutex
	acknowledged map[audit.ID]bool
}

// Start returns a workload whose events are those that event returns for the numbers from 1. It
// exports them to e in short intervals. The provider is shut down with the test at the latest.
func Start(t *testing.T, e export.Exporter, event func(n int64) audit.Event, opts ...sdk.ExportOption) *Workload {
	t.Helper()
	w := &Workload{Dir: filepath.Join(t.TempDir(), "ledger"), t: t, event: event, acknowledged: map[audit.ID]bool{}}
	opts = append([]sdk.ExportOption{sdk.WithBatchInterval(5 * time.Millisecond), sdk.WithBackoff(5 * time.Millisecond)}, opts...)
	var err error
	w.Provider, err = sdk.NewTrackerProvider(sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithLedger(w.Dir, sdk.ExportTo(e, opts...)))
	require.NoError(t, err)
	w.tracker = w.Provider.Tracker("example.com/shop/articles", audit.WithVersion("1.2.0"))
	t.Cleanup(func() { // has an effect only if the test failed
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.Provider.Shutdown(ctx)
	})
	return w
}

// Track tracks n events. The ledger accepts them whether the exporter works or not. Track may be
// called concurrently.
func (w *Workload) Track(n int) {
	for range n {
		e := w.event(w.Last.Add(1))
		e.ID = audit.NewID()
		if assert.NoError(w.t, w.tracker.Track(w.t.Context(), e)) {
			w.mu.Lock()
			w.acknowledged[e.ID] = true
			w.mu.Unlock()
		}
	}
}

// TrackConcurrently tracks n events, a multiple of 10, from 10 goroutines, which share the syncs of
// the ledger.
func (w *Workload) TrackConcurrently(n int) {
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() { w.Track(n / concurrency) })
	}
	wg.Wait()
}

// TrackDuring tracks an event every 10 ms while f runs. More would only make the collection
// larger, which the server of the tests reads whole to find the records that it has already.
func (w *Workload) TrackDuring(f func()) {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := make(chan struct{})
	defer close(stop)
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				w.Track(1)
			}
		}
	})
	f()
}

// Flush waits until every record has been delivered or is a dead letter.
func (w *Workload) Flush() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	require.NoError(w.t, w.Provider.ForceFlush(ctx))
}

// DeadLetters returns the records that the exporter rejected permanently.
func (w *Workload) DeadLetters() (letters []sdk.DeadLetter) {
	w.t.Helper()
	for letter, err := range w.Provider.DeadLetters(w.t.Context()) {
		require.NoError(w.t, err)
		require.NotNil(w.t, letter.Record)
		letters = append(letters, letter)
	}
	return letters
}

// Finish flushes the provider, shuts it down and returns the IDs of the acknowledged events and the
// dead letters. At least one event must have been acknowledged.
func (w *Workload) Finish() (acknowledged map[audit.ID]bool, letters []sdk.DeadLetter) {
	w.t.Helper()
	w.Flush()
	letters = w.DeadLetters()
	require.NoError(w.t, w.Provider.Shutdown(w.t.Context()))
	require.NotEmpty(w.t, w.acknowledged)
	return w.acknowledged, letters
}
