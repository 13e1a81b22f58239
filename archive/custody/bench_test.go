package custody_test

import (
	"encoding/hex"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// BenchmarkVerifyCopy compares a complete copy with its ledger, and reports the largest heap.
func BenchmarkVerifyCopy(b *testing.B) {
	for _, n := range []int{20_000, 200_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "ledger")
			key, err := seal.CreateKey(filepath.Join(b.TempDir(), "key"), "example.com/audit")
			require.NoError(b, err)
			l, err := ledger.Open(dir, ledger.WithScrub(0))
			require.NoError(b, err)
			var entries [][]byte
			for i := range n {
				r := record.Record{ObservedTime: time.Now()}
				r.ID, r.Time, r.Action, r.Outcome, r.Actor = audit.NewID(), r.ObservedTime, "invoice.pay", audit.OutcomeSuccess, audit.User("42")
				entry, err := r.AppendJSON(nil)
				require.NoError(b, err)
				if entries = append(entries, entry); len(entries) == 1000 || i == n-1 {
					_, err = l.Append(b.Context(), entries...)
					require.NoError(b, err)
					entries = nil
				}
			}
			s, err := seal.Start(b.Context(), l, key)
			require.NoError(b, err)
			require.NoError(b, s.Close(b.Context()))
			id := l.ID()
			require.NoError(b, l.Close())
			r, err := ledger.OpenReader(dir)
			require.NoError(b, err)
			defer r.Close()
			peak := uint64(0)
			log := hex.EncodeToString(id[:])
			documents := func(yield func(custody.Document, error) bool) {
				read := 0
				for e, err := range r.Entries(b.Context(), 0) {
					one := new(record.Record)
					if err == nil {
						err = one.UnmarshalJSON(e.Data)
					}
					if !yield(custody.Document{ID: one.ID, Place: export.Place{Log: log, Seq: e.Seq}, Record: one}, err) {
						return
					}
					if read++; read%(n/4) == 0 {
						var m runtime.MemStats
						runtime.GC()
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
			}
			for b.Loop() {
				leaves, err := seal.OpenLeaves(seal.OpenDir(filepath.Join(dir, seal.DirName)), nil, key.Verifier())
				require.NoError(b, err)
				report, err := custody.VerifyCopy(b.Context(), documents, memory{}, custody.CopyOptions{Leaves: leaves, Log: log, Ledger: r, Delivered: uint64(n)})
				require.NoError(b, err)
				require.EqualValues(b, n, report.Genuine)
				require.Empty(b, report.Findings)
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "documents/s")
			b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
		})
	}
}
