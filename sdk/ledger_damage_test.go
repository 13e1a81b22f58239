package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// logTo returns an option that logs to the buffer.
func logTo(b *bytes.Buffer) sdk.Option {
	return sdk.WithLogger(slog.New(slog.NewTextHandler(b, nil)))
}

// overwrite replaces a file of a ledger by zeros.
func overwrite(t *testing.T, path ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(path...), make([]byte, 8192), 0o600))
}

// TestDamagedCursorFile starts a provider whose exporter's cursor is damaged. The exporter
// gets all records again, under the same IDs, and the log says why.
func TestDamagedCursorFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	f := &follower{id: "sink"}
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(f, quick()...)))
	want := trackNumbered(t, p, 1, 20)
	require.NoError(t, p.ForceFlush(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
	overwrite(t, dir, "sink.cursor")

	var log bytes.Buffer
	again := &follower{id: "sink"}
	p = openProvider(t, logTo(&log), sdk.WithLedger(dir, sdk.ExportTo(again, quick()...)))
	require.NoError(t, p.ForceFlush(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, want, again.ids())
	for i := range f.seen {
		assert.Equal(t, f.seen[i].ID, again.seen[i].ID)
	}
	assert.Contains(t, log.String(), filepath.Join(dir, "sink.cursor"))
	assert.Contains(t, log.String(), "starts again before the oldest entry")
}

// TestStateOfLedgersLost loses the state of a ledger and that of its dead letters.
func TestStateOfLedgersLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	f := &follower{id: "sink", reject: func(target string) error {
		if target == "5" {
			return export.Permanent(errors.New("rejected"))
		}
		return nil
	}}
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(f, quick()...)))
	trackNumbered(t, p, 1, 10)
	require.NoError(t, p.ForceFlush(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
	overwrite(t, dir, "state")
	overwrite(t, dir, "dead-letters", "state")

	_, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	require.ErrorContains(t, err, filepath.Join(dir, "state"))
	require.ErrorContains(t, err, "ledger.WithSalvage")

	var log bytes.Buffer
	p = openProvider(t, logTo(&log), sdk.WithLedger(dir, sdk.ExportTo(f, quick()...), ledger.WithSalvage()))
	assert.Contains(t, log.String(), filepath.Join(dir, "state"))
	assert.Contains(t, log.String(), filepath.Join(dir, "dead-letters", "state"), "at the start, not with the next dead letter")
	trackNumbered(t, p, 5, 6)
	require.NoError(t, p.ForceFlush(t.Context()))
	letters := 0
	for _, err := range p.DeadLetters(t.Context()) {
		if err == nil {
			letters++
		}
	}
	assert.Equal(t, 2, letters)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, []string{"1", "2", "3", "4", "6", "7", "8", "9", "10", "6", "7", "8", "9", "10"}, f.ids())
}

// TestDamagedDeadLetter damages one of three dead letters. The others are replayed, and the
// damaged one is reported.
func TestDamagedDeadLetter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	reject := func(string) error { return export.Permanent(errors.New("rejected")) }
	f := &follower{id: "sink", reject: reject}
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(f, quick(sdk.WithBatchSize(1))...)))
	trackNumbered(t, p, 1, 3)
	require.NoError(t, p.ForceFlush(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
	segment := filepath.Join(dir, "dead-letters", "000000000001.segment")
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	at := bytes.Index(content, []byte(`"id":"2"`))
	require.Positive(t, at)
	content[at+6] ^= 1
	require.NoError(t, os.WriteFile(segment, content, 0o600))

	again := &follower{id: "sink"}
	p = openProvider(t, sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithLedger(dir, sdk.ExportTo(again, quick()...)))
	delivered, err := p.ReplayDeadLetters(t.Context(), "sink")
	require.NoError(t, err)
	assert.Equal(t, 2, delivered)
	assert.Equal(t, []string{"1", "3"}, again.ids())
	damaged := 0
	for _, err := range p.DeadLetters(t.Context()) {
		if err != nil {
			require.ErrorAs(t, err, new(*ledger.CorruptError))
			damaged++
		}
	}
	assert.Equal(t, 1, damaged)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestDamageBesideFollower damages the newest record while its exporter is down. The
// records after it are exported, and the damaged one becomes a dead letter.
func TestDamageBesideFollower(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	up, began := make(chan struct{}), make(chan struct{}, 1)
	f := &follower{id: "sink", fail: func(ctx context.Context) error {
		select {
		case began <- struct{}{}:
		default:
		}
		select {
		case <-up:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	p := openProvider(t, sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithLedger(dir, sdk.ExportTo(f, quick(sdk.WithBatchSize(1))...)))
	trackNumbered(t, p, 1, 1)
	<-began // it has read the first record, and not the newest one yet
	trackNumbered(t, p, 2, 19)
	segment := filepath.Join(dir, "000000000001.segment")
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	last := bytes.LastIndex(content, []byte(`"id":"20"`))
	require.Positive(t, last)
	file, err := os.OpenFile(segment, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("x"), int64(last))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	close(up)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, p.ForceFlush(ctx))
	trackNumbered(t, p, 21, 100)
	require.NoError(t, p.ForceFlush(ctx))
	ids := f.ids()
	assert.Len(t, ids, 119)
	assert.NotContains(t, ids, "20")
	for letter, err := range p.DeadLetters(ctx) {
		require.NoError(t, err)
		assert.Equal(t, [2]uint64{20, 20}, [2]uint64{letter.Seq, letter.Through})
	}
	require.NoError(t, p.Shutdown(ctx))
}

// TestUnusedCursor fills a ledger that the cursor of a former exporter holds back. The
// error and a metric name it, and it can be removed.
func TestUnusedCursor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(&follower{id: "old"})))
	require.NoError(t, p.Shutdown(t.Context()))

	reader := sdkmetric.NewManualReader()
	p = openProvider(t, sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithTrackTimeout(200*time.Millisecond),
		sdk.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
		sdk.WithLedger(dir, sdk.ExportTo(&follower{id: "new"}, quick()...),
			ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithMaxSize(4*ledger.MinSegmentSize), ledger.WithRetention(0, 0)))
	var err error
	for err == nil {
		err = p.Tracker("test").Track(t.Context(), valid())
	}
	require.ErrorIs(t, err, audit.ErrFull)
	require.ErrorContains(t, err, "old (at entry 0 of ")
	require.ErrorContains(t, err, "RemoveCursor")
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	assert.Contains(t, depths(collected), "old")

	require.ErrorContains(t, p.RemoveCursor("new"), "in use")
	require.ErrorContains(t, p.RemoveCursor("never"), "no ledger")
	require.NoError(t, p.RemoveCursor("old"))
	require.Eventually(t, func() bool { return p.Tracker("test").Track(t.Context(), valid()) == nil }, time.Minute, time.Millisecond)
	require.NoError(t, reader.Collect(t.Context(), &collected))
	assert.NotContains(t, depths(collected), "old")
	require.NoError(t, p.Shutdown(t.Context()))
}

// depths returns audit.ledger.depth by exporter.
func depths(collected metricdata.ResourceMetrics) map[string]int64 {
	byExporter := map[string]int64{}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			gauge, ok := m.Data.(metricdata.Gauge[int64])
			if m.Name != "audit.ledger.depth" || !ok {
				continue
			}
			for _, point := range gauge.DataPoints {
				exporter, _ := point.Attributes.Value("exporter")
				byExporter[exporter.AsString()] = point.Value
			}
		}
	}
	return byExporter
}
