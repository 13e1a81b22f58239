package bench

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entrySize is the size of each ledger entry in bytes.
const entrySize = 600

// BenchmarkOpen opens a ledger of 1 GiB whose writer was killed. The raw loop only reads the last
// segment.
func BenchmarkOpen(b *testing.B) {
	dir, last := crashedLedger(b)
	b.Run("impl=ledger", func(b *testing.B) {
		state, err := os.ReadFile(filepath.Join(dir, "state"))
		require.NoError(b, err)
		for b.Loop() {
			l, err := ledger.Open(dir)
			require.NoError(b, err)
			b.StopTimer()
			require.True(b, l.Recovery().Crashed)
			require.NoError(b, l.Close())
			require.NoError(b, os.WriteFile(filepath.Join(dir, "state"), state, 0o600)) // restores the state after the kill
			b.StartTimer()
		}
	})
	b.Run("impl=raw", func(b *testing.B) {
		buffer := make([]byte, 256<<10)
		for b.Loop() {
			f, err := os.Open(last)
			require.NoError(b, err)
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buffer)
			require.NoError(b, err)
			require.NoError(b, f.Close())
		}
	})
}

// crashedLedger returns the directory and the last segment of a ledger whose writer was killed.
func crashedLedger(b *testing.B) (dir, last string) {
	b.Helper()
	origin, dir := filepath.Join(b.TempDir(), "origin"), filepath.Join(b.TempDir(), "ledger")
	l, err := ledger.Open(origin, ledger.WithSyncInterval(time.Hour))
	require.NoError(b, err)
	entry := bytes.Repeat([]byte("entry"), entrySize/5)
	entries := slices.Repeat([][]byte{entry}, 256)
	for written := 0; written < 1<<30; written += len(entries) * entrySize {
		_, err := l.Append(context.Background(), entries...)
		require.NoError(b, err)
	}
	require.NoError(b, l.Sync())
	require.NoError(b, os.Mkdir(dir, 0o700))
	files, err := os.ReadDir(origin)
	require.NoError(b, err)
	for _, f := range files {
		switch {
		case filepath.Ext(f.Name()) == ".segment":
			last = filepath.Join(dir, f.Name())
			require.NoError(b, os.Link(filepath.Join(origin, f.Name()), last))
		case f.Name() == "state":
			state, err := os.ReadFile(filepath.Join(origin, "state"))
			require.NoError(b, err)
			require.NoError(b, os.WriteFile(filepath.Join(dir, "state"), state, 0o600))
		}
	}
	require.NoError(b, l.Close()) // changes the state of the origin only
	return dir, last
}

// TestMemoryStaysFlat checks that the heap does not grow while a ledger exports many records. The
// variable AUDIT_RECORDS sets their number.
func TestMemoryStaysFlat(t *testing.T) {
	t.Parallel()
	records := 20_000
	if n, err := strconv.Atoi(os.Getenv("AUDIT_RECORDS")); err == nil {
		records = n
	}
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(t.TempDir(), "ledger"), sdk.ExportTo(discard{}, sdk.WithBatchInterval(100*time.Millisecond)),
		ledger.WithSyncInterval(100*time.Millisecond), ledger.WithRetention(0, 0), ledger.WithSegmentSize(16<<20)))
	require.NoError(t, err)
	tracker := p.Tracker("example.com/shop/articles")
	var early, late uint64
	for i := range records {
		require.NoError(t, tracker.Track(t.Context(), event()))
		switch i {
		case records / 10:
			early = heap()
		case records - 1:
			late = heap()
		}
	}
	require.NoError(t, p.Shutdown(t.Context()))
	t.Logf("%d records: the heap was %d KiB after a tenth of them and %d KiB after all", records, early>>10, late>>10)
	assert.Less(t, late, early+16<<20)
}

// heap returns the number of allocated bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
