package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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

// holdSignals tracks n signals, which the scope holds.
func holdSignals(t *testing.T, ctx context.Context, tracker audit.Tracker, n int) (ids []audit.ID) { //nolint:revive // t is first in helpers
	t.Helper()
	for i := range n {
		id := audit.NewID()
		ids = append(ids, id)
		require.NoError(t, tracker.Track(ctx, audit.Event{
			ID: id, Kind: audit.KindSignal, Action: "row.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
			Actor: audit.User("42"), Target: audit.Target{Type: "row", ID: fmt.Sprint(i)},
		}))
	}
	return ids
}

func idsOf(records []*record.Record) (ids []audit.ID) {
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestEndRecordsSignalsAtOnce tests that the end of a scope makes one call of each sink,
// in the order of the signals, also if the client has gone.
func TestEndRecordsSignalsAtOnce(t *testing.T) {
	t.Parallel()
	s := &sink{}
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithSyncer(s), sdk.WithLedger(dir), quiet())
	client, leave := context.WithCancel(t.Context())
	ctx, scope := audit.NewScope(client)
	ids := holdSignals(t, ctx, p.Tracker("test"), 1000)
	leave()
	require.NoError(t, scope.End(client))
	assert.Equal(t, ids, idsOf(s.all()))
	assert.Equal(t, []int{1000}, s.batches)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, ids, idsOf(stored(t, dir)))
}

// TestEndHasOneDeadline tests that a sink that hangs costs the track timeout once, and not
// for each signal.
func TestEndHasOneDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hanging := &sink{name: "hanging", export: func(context.Context, []*record.Record) error { <-release; return nil }}
		healthy := &sink{name: "healthy"}
		p := openProvider(t, sdk.WithSyncer(hanging), sdk.WithSyncer(healthy), sdk.WithTrackTimeout(3*time.Second), quiet())
		ctx, scope := audit.NewScope(t.Context())
		ids := holdSignals(t, ctx, p.Tracker("test"), 100)
		start := time.Now()
		err := scope.End(ctx)
		assert.LessOrEqual(t, time.Since(start), 3*time.Second)
		assert.Equal(t, ids, idsOf(healthy.all()), "the next delivery has its share of the time")
		assert.ElementsMatch(t, ids, failedIDs(err), "each signal that may be missing is named")
		require.ErrorIs(t, err, audit.ErrMaybeStored)
		close(release)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// failedIDs returns the IDs of the records that an error says were not delivered.
func failedIDs(err error) (ids []audit.ID) {
	if failed, ok := err.(*audit.DeliveryError); ok { //nolint:errorlint // the walk is the unwrapping
		return []audit.ID{failed.ID}
	}
	switch e := err.(type) { //nolint:errorlint // the walk is the unwrapping
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			ids = append(ids, failedIDs(inner)...)
		}
	case interface{ Unwrap() error }:
		return failedIDs(e.Unwrap())
	}
	return ids
}

// TestEndNamesWhatIsNotStored tests that the error names just the signals that a sink
// rejected.
func TestEndNamesWhatIsNotStored(t *testing.T) {
	t.Parallel()
	rejected := errors.New("rejected")
	s := &sink{export: func(_ context.Context, records []*record.Record) error {
		partial := &export.PartialError{Rejected: map[int]error{}}
		for i := range records {
			if i%3 == 1 {
				partial.Rejected[i] = rejected
			}
		}
		return partial
	}}
	p := newProvider(t, sdk.WithSyncer(s))
	ctx, scope := audit.NewScope(t.Context())
	ids := holdSignals(t, ctx, p.Tracker("test"), 10)
	err := scope.End(ctx)
	require.ErrorIs(t, err, rejected)
	assert.Equal(t, []audit.ID{ids[1], ids[4], ids[7]}, failedIDs(err))
}

// TestEndAfterShutdown tests that held signals are not lost in silence.
func TestEndAfterShutdown(t *testing.T) {
	t.Parallel()
	p := openProvider(t, sdk.WithSyncer(&sink{}))
	ctx, scope := audit.NewScope(t.Context())
	holdSignals(t, ctx, p.Tracker("test"), 3)
	require.NoError(t, p.Shutdown(t.Context()))
	require.ErrorIs(t, scope.End(ctx), audit.ErrShutdown)
}
