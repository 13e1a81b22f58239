package sdk_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// placing is an exporter that keeps the place of each record, by the JSON of the record.
type placing struct {
	name   string
	reject func(*record.Record) error

	mu     sync.Mutex
	places map[string]export.Place
}

func (p *placing) Name() string                   { return p.name }
func (p *placing) Shutdown(context.Context) error { return nil }

func (p *placing) Export(ctx context.Context, records []*record.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		if p.reject != nil {
			if err := p.reject(r); err != nil {
				return err
			}
		}
		b, err := r.AppendJSON(nil)
		if err != nil {
			return err
		}
		place, ok := export.PlaceOf(ctx, r)
		if !ok {
			return errors.New("the record has no place")
		}
		p.places[string(b)] = place
	}
	return nil
}

// TestPlaces: each exporter of a ledger gets the place of each record, also those with a filter and
// when dead letters are replayed.
func TestPlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rejecting := true
	all := &placing{name: "all", places: map[string]export.Place{}}
	some := &placing{name: "some", places: map[string]export.Place{}}
	some.reject = func(r *record.Record) error {
		if rejecting && r.Target.ID == "5" {
			return export.Permanent(errors.New("not this one"))
		}
		return nil
	}
	filter := func(r *record.Record) bool { return r.Target.ID != "2" }
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(all), sdk.ExportTo(export.Filter(some, filter), sdk.WithBatchSize(1)), ledger.WithScrub(0)))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		event := audit.Event{Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: id}}
		require.NoError(t, tracker.Track(t.Context(), event))
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	require.Len(t, some.places, 4)
	some.mu.Lock()
	rejecting = false
	some.mu.Unlock()
	n, err := p.ReplayDeadLetters(t.Context(), "some")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, p.Shutdown(t.Context()))

	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	id, err := r.ID()
	require.NoError(t, err)
	entries := 0
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		entries++
		want := export.Place{Log: hexOf(id), Seq: e.Seq}
		require.Equal(t, want, all.places[string(e.Data)])
		if place, ok := some.places[string(e.Data)]; ok {
			require.Equal(t, want, place)
		}
	}
	require.Equal(t, 6, entries)
	require.Len(t, all.places, 6)
	require.Len(t, some.places, 5)
}

func hexOf(id [16]byte) string { return hex.EncodeToString(id[:]) }

// checkpointing keeps checkpoints, and fails with each.
type checkpointing struct {
	placing

	fail func(context.Context) error
	kept []export.Checkpoint
	down bool
	off  bool // it keeps none
}

func (c *checkpointing) KeepsCheckpoints() bool { return !c.off }

func (c *checkpointing) ExportCheckpoint(ctx context.Context, checkpoint export.Checkpoint) error {
	if c.fail != nil {
		return c.fail(ctx)
	}
	if c.down {
		return errors.New("after Shutdown")
	}
	checkpoint.Note = slices.Clone(checkpoint.Note)
	c.kept = append(c.kept, checkpoint)
	return nil
}

func (c *checkpointing) Shutdown(context.Context) error {
	c.down = true
	return nil
}

// TestCheckpointsAreExported: an exporter has a checkpoint of all records before it is shut down.
// One that fails or hangs gets its records all the same.
func TestCheckpointsAreExported(t *testing.T) {
	t.Parallel()
	key, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	newExporter := func(name string) *checkpointing {
		return &checkpointing{placing: placing{name: name, places: map[string]export.Place{}}}
	}
	good, filtered, failing, hanging := newExporter("good"), newExporter("filtered"), newExporter("failing"), newExporter("hanging")
	failing.fail = func(context.Context) error { return errors.New("no room") }
	hanging.fail = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	none := export.Filter(filtered, func(*record.Record) bool { return false })
	p, err := sdk.NewTrackerProvider(sdk.WithSeal(key), sdk.WithLogger(slog.New(slog.DiscardHandler)),
		sdk.WithLedger(t.TempDir(), sdk.ExportTo(good), sdk.ExportTo(none), sdk.ExportTo(failing), sdk.ExportTo(hanging), ledger.WithScrub(0)))
	require.NoError(t, err)
	for range 20 {
		require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess}))
	}
	require.NoError(t, p.Shutdown(t.Context()))
	for _, e := range []*checkpointing{good, filtered} {
		require.NotEmpty(t, e.kept, e.name)
		last := e.kept[len(e.kept)-1]
		require.EqualValues(t, 20, last.Size)
		c, err := seal.OpenCheckpoint(last.Note, key.Verifier())
		require.NoError(t, err)
		require.Equal(t, last.Size, c.Size)
		require.Contains(t, c.Origin, last.Log)
	}
	for _, e := range []*checkpointing{good, failing, hanging} {
		require.Len(t, e.places, 20)
		require.True(t, e.down)
	}
	require.Empty(t, filtered.places)
}
