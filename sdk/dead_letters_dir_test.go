package sdk_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waiting returns how many dead letters of the ledger in dir were not replayed.
func waiting(t *testing.T, dir string) (left int) {
	t.Helper()
	for letter, err := range sdk.ReadDeadLetters(t.Context(), dir) {
		require.NoError(t, err)
		assert.Equal(t, "strict", letter.Exporter)
		if !letter.Replayed {
			left++
		}
	}
	return left
}

// makeDeadLetters makes three dead letters in the ledger in dir, of the entries 1 to 3.
func makeDeadLetters(t *testing.T, dir string) {
	t.Helper()
	f := &follower{id: "strict", reject: func(string) error { return export.Permanent(errors.New("no")) }}
	p := openProvider(t, quiet(), sdk.WithLedger(dir, sdk.ExportTo(f, quick()...)))
	trackNumbered(t, p, 1, 3)
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, 3, waiting(t, dir), "beside the provider")
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestReadDeadLetters reads dead letters without a provider.
func TestReadDeadLetters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	assert.Zero(t, waiting(t, dir), "there is no ledger")
	makeDeadLetters(t, dir)
	assert.Equal(t, 3, waiting(t, dir))
}

// TestDropDeadLetters gives dead letters up: who did it, and how many of which exporter, is in
// the ledger before.
func TestDropDeadLetters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	makeDeadLetters(t, dir)
	p := openProvider(t, quiet(), sdk.WithLedger(dir)) // without the exporter
	ctx := audit.ContextWithActor(t.Context(), audit.User("carol"))

	dropped, err := p.DropDeadLetters(ctx, "strict", 2, "ticket 4711")
	require.NoError(t, err)
	assert.Equal(t, 2, dropped)
	assert.Equal(t, 1, waiting(t, dir))
	dropped, err = p.DropDeadLetters(ctx, "another", 0, "ticket 4711")
	require.NoError(t, err)
	assert.Zero(t, dropped)
	dropped, err = p.DropDeadLetters(ctx, "strict", 0, "ticket 4712")
	require.NoError(t, err)
	assert.Equal(t, 1, dropped)
	assert.Zero(t, waiting(t, dir))
	dropped, err = p.DropDeadLetters(ctx, "strict", 0, "ticket 4713")
	require.NoError(t, err)
	assert.Zero(t, dropped)
	require.NoError(t, p.Shutdown(t.Context()))

	all := stored(t, dir, 1)
	require.Len(t, all, 7, "three, and an attempt and its result of each that gave something up")
	for i, want := range []struct {
		outcome          audit.Outcome
		reason           string
		letters, of, end int64
	}{
		{audit.OutcomeUnknown, "ticket 4711", 2, 1, 2},
		{audit.OutcomeSuccess, "ticket 4711", 2, 1, 2},
		{audit.OutcomeUnknown, "ticket 4712", 1, 3, 3},
		{audit.OutcomeSuccess, "ticket 4712", 1, 3, 3},
	} {
		r := all[3+i]
		assert.Equal(t, semconv.ActionDeadLetterDrop, r.Action)
		assert.Equal(t, audit.User("carol"), r.Actor)
		assert.Equal(t, audit.Target{Type: "audit.exporter", ID: "strict"}, r.Target)
		assert.Equal(t, audit.OperationDelete, r.Operation)
		assert.Equal(t, want.outcome, r.Outcome)
		assert.Equal(t, want.reason, r.Reason)
		got := map[string]int64{}
		for _, kv := range r.Metadata {
			got[string(kv.Key)] = kv.Value.AsInt64()
		}
		assert.Equal(t, want.letters, got[string(semconv.TrailRecordsKey)])
		assert.Equal(t, want.of, got[string(semconv.TrailFirstKey)])
		assert.Equal(t, want.end, got[string(semconv.TrailLastKey)])
	}
}

// TestDropNeedsRecord: what nobody answers for, or cannot be recorded, is not given up.
func TestDropNeedsRecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	makeDeadLetters(t, dir)
	errDown := errors.New("down")
	failing := &sink{export: func(context.Context, []*record.Record) error { return errDown }}
	p := openProvider(t, quiet(), sdk.WithLedger(dir), sdk.WithSyncer(failing))
	carol := audit.ContextWithActor(t.Context(), audit.User("carol"))
	for _, c := range []struct {
		ctx    context.Context
		reason string
		want   string
	}{
		{carol, " ", "needs a reason"},
		{t.Context(), "ticket 4711", "actor"},
		{carol, "ticket 4711", errDown.Error()},
	} {
		dropped, err := p.DropDeadLetters(c.ctx, "strict", 0, c.reason)
		require.ErrorContains(t, err, c.want)
		assert.Zero(t, dropped)
		assert.Equal(t, 3, waiting(t, dir))
	}
	require.NoError(t, p.Shutdown(t.Context()))
	_, err := p.DropDeadLetters(carol, "strict", 0, "ticket 4711")
	require.ErrorIs(t, err, audit.ErrShutdown)
}
