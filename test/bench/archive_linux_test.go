package bench

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// BenchmarkQueryArchive archives AUDIT_BENCH_RECORDS records, each segment by itself as
// deed retention apply does, and imports the archives into an empty ledger as deed archive import
// does. peak-MB is the most memory that the process has used in a step.
func BenchmarkQueryArchive(b *testing.B) {
	n := recordCount(b)
	dir := generatedLedger(b, n)
	store, err := archive.CreateDir(filepath.Join(b.TempDir(), "archive"))
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	b.Run("step=create", func(b *testing.B) {
		forgetPeak(b)
		for b.Loop() {
			createArchives(b, store, dir)
		}
		report(b, n)
	})
	b.Run("step=import", func(b *testing.B) {
		forgetPeak(b)
		for b.Loop() {
			require.EqualValues(b, n, imported(b, store))
		}
		report(b, n)
	})
}

// createArchives archives each segment of a ledger.
func createArchives(b *testing.B, store archive.Store, dir string) {
	b.Helper()
	from, err := ledger.OpenReader(dir)
	require.NoError(b, err)
	stats, err := from.Stats()
	require.NoError(b, err)
	segments, _, err := from.Segments()
	require.NoError(b, err)
	for _, s := range segments {
		if s.Next == 0 {
			s.Next = stats.Next
		}
		if s.Next == s.First {
			continue
		}
		meta := archive.Meta{Log: "bench", First: s.First, Last: s.Next - 1}
		_, err := archive.Create(b.Context(), store, meta, entriesOf(b.Context(), from, s))
		require.NoError(b, err)
	}
	require.NoError(b, from.Close())
}

// imported imports all archives into an empty ledger, and returns how many records it then has.
func imported(b *testing.B, store archive.Store) (records int64) {
	b.Helper()
	to := filepath.Join(b.TempDir(), "imported")
	l, err := ledger.Open(to, ledger.WithSyncInterval(time.Second), ledger.WithSidecars(ledgerquery.NewIndexer()))
	require.NoError(b, err)
	existing, err := ledgerquery.NewReader(to)
	require.NoError(b, err)
	for o, err := range store.List(b.Context(), "") {
		require.NoError(b, err)
		a, err := archive.Open(b.Context(), store, o.Name)
		require.NoError(b, err)
		done, err := archive.ImportLedger(b.Context(), a, l, existing)
		require.NoError(b, err)
		records += done.Records
	}
	require.NoError(b, l.Close())
	return records
}

// forgetPeak lets the peak of the process's memory begin anew.
func forgetPeak(b *testing.B) {
	b.Helper()
	debug.FreeOSMemory()
	require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// report reports how fast n records were processed, and the peak of memory.
func report(b *testing.B, n int) {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(b, err)
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(peak)/1024, "peak-MB")
}

// entriesOf returns the entries of a segment for an archive.
func entriesOf(ctx context.Context, from *ledger.Reader, s ledger.Segment) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for e, err := range from.Entries(ctx, s.First) {
			if err == nil && e.Seq >= s.Next || !yield(archive.Entry{Seq: e.Seq, Data: e.Data}, err) {
				return
			}
		}
	}
}
