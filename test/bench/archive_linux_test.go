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

// BenchmarkQueryArchive archives AUDIT_BENCH_RECORDS records, and imports the archive into an
// empty ledger. peak-MB is the most memory that the process has used so far.
func BenchmarkQueryArchive(b *testing.B) {
	n := recordCount(b)
	dir := generatedLedger(b, n)
	store, err := archive.CreateDir(filepath.Join(b.TempDir(), "archive"))
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	var a *archive.Archive
	b.Run("step=create", func(b *testing.B) {
		for b.Loop() {
			from, err := ledger.OpenReader(dir)
			require.NoError(b, err)
			a, err = archive.Create(b.Context(), store, archive.Meta{Log: "bench", First: 1, Last: uint64(n)}, entriesOf(b.Context(), from))
			require.NoError(b, err)
			require.NoError(b, from.Close())
		}
		report(b, n)
	})
	b.Run("step=import", func(b *testing.B) {
		require.NotNil(b, a, "the archive was not created")
		for b.Loop() {
			to := filepath.Join(b.TempDir(), "imported")
			l, err := ledger.Open(to, ledger.WithSyncInterval(time.Second), ledger.WithSidecars(ledgerquery.NewIndexer()))
			require.NoError(b, err)
			existing, err := ledgerquery.NewReader(to)
			require.NoError(b, err)
			done, err := archive.ImportLedger(b.Context(), a, l, existing)
			require.NoError(b, err)
			require.EqualValues(b, n, done.Records)
			require.NoError(b, l.Close())
		}
		report(b, n)
	})
}

// report reports how fast n records were processed, and the memory.
func report(b *testing.B, n int) {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MB")
}

// entriesOf returns the entries of a ledger for an archive.
func entriesOf(ctx context.Context, from *ledger.Reader) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for e, err := range from.Entries(ctx, 1) {
			if !yield(archive.Entry{Seq: e.Seq, Data: e.Data}, err) {
				return
			}
		}
	}
}
