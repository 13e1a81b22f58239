package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/mod/sumdb/note"
)

func TestWithSeal(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	dir, anchor := filepath.Join(temp, "ledger"), filepath.Join(temp, "anchor")
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	sealed := sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(anchor)))
	sink := &follower{id: "sink"}
	for i := range 2 {
		p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(sink, quick()...)), sealed)
		trackNumbered(t, p, 100*i, 100)
		require.ErrorContains(t, p.RemoveCursor(seal.CursorName), "in use")
		require.NoError(t, p.Shutdown(t.Context()))
	}
	held, err := os.ReadFile(anchor)
	require.NoError(t, err)
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	report, err := seal.Verify(t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}, Held: held})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 200, report.Proved)

	require.NoError(t, os.RemoveAll(dir))
	_, err = sdk.NewTrackerProvider(sdk.WithLedger(dir), sealed)
	require.ErrorIs(t, err, seal.ErrReplaced)
	_, ok := errors.AsType[*seal.AnchorError](err)
	require.True(t, ok)
}

// brokenAnchor is an anchor that hangs until its context ends.
type brokenAnchor struct{}

func (brokenAnchor) Load(context.Context) ([]byte, error) { return nil, nil }

func (brokenAnchor) Store(ctx context.Context, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTrackIgnoresTheAnchor tracks while the anchor hangs. Shutdown has one deadline.
func TestTrackIgnoresTheAnchor(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	reader := sdkmetric.NewManualReader()
	p := openProvider(t, sdk.WithLedger(filepath.Join(temp, "ledger")), sdk.WithSeal(key, seal.WithAnchor(brokenAnchor{})),
		sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	trackNumbered(t, p, 1, 100)
	require.Eventually(t, func() bool { return sumOf(t, reader, "audit.seal.delay") > 0 }, time.Minute, 50*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
	var log bytes.Buffer
	p = openProvider(t, sdk.WithLedger(filepath.Join(temp, "ledger"), ledger.WithLockWait(time.Minute)), sdk.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, p.Shutdown(t.Context()), "the ledger is closed and unlocked")
	assert.Contains(t, log.String(), "the ledger was sealed, and this process does not seal it")
}

func TestWithSealNeedsOneLedger(t *testing.T) {
	t.Parallel()
	key, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	sealed := sdk.WithSeal(key)
	a, b := sdk.WithLedger(t.TempDir()+"/a"), sdk.WithLedger(t.TempDir()+"/b")
	for text, opts := range map[string][]sdk.Option{
		"the key is nil": {a, sdk.WithSeal(nil)},
		"there are 2":    {a, b, sealed},
		"leave that out, and remove them with deed retention": {sdk.WithLedger(t.TempDir()+"/d", ledger.WithRetention(0, 0)), sealed},
		"there are 0":         {sdk.WithSyncer(&follower{id: "sink"}), sealed},
		`can be named "seal"`: {sdk.WithLedger(t.TempDir()+"/c", sdk.ExportTo(&follower{id: "seal"})), sealed},
	} {
		_, err := sdk.NewTrackerProvider(opts...)
		require.ErrorContains(t, err, text)
	}
}

// TestSealThatNothingHolds: a start warns if whoever removes the ledger takes all its checkpoints
// along, and not if something else has them.
func TestSealThatNothingHolds(t *testing.T) {
	t.Parallel()
	key, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	newExporter := func(off bool) *checkpointing {
		return &checkpointing{placing: placing{name: "elsewhere", places: map[string]export.Place{}}, off: off}
	}
	keeping, off := newExporter(false), newExporter(true)
	all := func(*record.Record) bool { return true }
	for name, c := range map[string]struct {
		seal []seal.Option
		to   export.Exporter
		want int
	}{
		"only the directory":             {want: 1},
		"an exporter of records":         {to: &follower{id: "sink"}, want: 1},
		"an exporter without its option": {to: export.Filter(off, all), want: 1},
		"an anchor":                      {seal: []seal.Option{seal.WithAnchor(seal.AnchorFile(filepath.Join(t.TempDir(), "anchor")))}},
		"witnesses":                      {seal: []seal.Option{seal.WithWitnesses(agreeing{})}},
		"files elsewhere":                {seal: []seal.Option{seal.WithFiles(seal.OpenDir(t.TempDir()))}},
		"an exporter of checkpoints":     {to: export.Filter(keeping, all)},
	} {
		var logs bytes.Buffer
		var to []sdk.LedgerOption
		if c.to != nil {
			to = append(to, sdk.ExportTo(c.to))
		}
		p := openProvider(t, sdk.WithLedger(filepath.Join(t.TempDir(), "ledger"), to...), sdk.WithSeal(key, c.seal...), logTo(&logs))
		trackNumbered(t, p, 1, 1)
		require.NoError(t, p.Shutdown(t.Context()))
		require.Equal(t, c.want, strings.Count(logs.String(), "nothing outside of the ledger's directory has its checkpoints"), "%s: %s", name, logs.String())
		if c.want == 1 {
			require.Contains(t, logs.String(), "use seal.WithAnchor or seal.WithWitnesses, or seal.anchor or seal.witnesses of a configuration")
		}
	}
	require.NotEmpty(t, keeping.kept)
	require.Empty(t, off.kept, "an exporter that keeps no checkpoints gets none")
}

// agreeing are witnesses whose policy is always met.
type agreeing struct{}

func (agreeing) Check([]byte) error { return nil }

func (agreeing) Cosign(_ context.Context, c seal.Checkpoint, _ func(int64) ([]seal.Hash, error)) ([]byte, error) {
	return c.Note, nil
}
