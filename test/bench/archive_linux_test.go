package bench

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkQueryArchive archives AUDIT_BENCH_RECORDS records, each segment by itself as
// deed retention apply does, and imports the archives into an empty ledger. peak-MB is the most
// memory that the process has used so far.
func BenchmarkQueryArchive(b *testing.B) {
	n := recordCount(b)
	dir := generatedLedger(b, n)
	store, err := archive.CreateDir(filepath.Join(b.TempDir(), "archive"))
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	var archives []*archive.Archive
	b.Run("step=create", func(b *testing.B) {
		for b.Loop() {
			archives = archived(b, store, dir)
		}
		report(b, n)
	})
	b.Run("step=import", func(b *testing.B) {
		for b.Loop() {
			require.EqualValues(b, n, imported(b, archives))
		}
		report(b, n)
	})
}

// archived archives each segment of a ledger.
func archived(b *testing.B, store archive.Store, dir string) (archives []*archive.Archive) {
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
		a, err := archive.Create(b.Context(), store, meta, entriesOf(b.Context(), from, s))
		require.NoError(b, err)
		archives = append(archives, a)
	}
	require.NoError(b, from.Close())
	return archives
}

// imported imports archives into an empty ledger, and returns how many records it then has.
func imported(b *testing.B, archives []*archive.Archive) (records int64) {
	b.Helper()
	to := filepath.Join(b.TempDir(), "imported")
	l, err := ledger.Open(to, ledger.WithSyncInterval(time.Second), ledger.WithSidecars(ledgerquery.NewIndexer()))
	require.NoError(b, err)
	existing, err := ledgerquery.NewReader(to)
	require.NoError(b, err)
	for _, a := range archives {
		done, err := archive.ImportLedger(b.Context(), a, l, existing)
		require.NoError(b, err)
		records += done.Records
	}
	require.NoError(b, l.Close())
	return records
}

// report reports how fast n records were processed, and the memory.
func report(b *testing.B, n int) {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MB")
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
