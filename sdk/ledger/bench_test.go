package ledger_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opendeed/audit/sdk/ledger"
)

// BenchmarkAppend appends entries of 1,000 bytes from several goroutines. It reports how
// many bytes of the segments each entry takes.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range []struct {
		name   string
		option ledger.Option
	}{
		{"strict", ledger.WithSyncInterval(0)},
		{"dense", ledger.WithDenseFrames()},
		{"relaxed", ledger.WithSyncInterval(100 * time.Millisecond)},
	} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", mode.name, callers), func(b *testing.B) {
				benchmarkAppend(b, callers, mode.option)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, callers int, opts ...ledger.Option) {
	b.Helper()
	l, err := ledger.Open(filepath.Join(b.TempDir(), "ledger"), append(opts, ledger.WithSegmentSize(256<<20))...)
	require.NoError(b, err)
	entry := bytes.Repeat([]byte("entry 1000"), 100)
	for l.Stats().Segments == 1 { // the first segment is smaller than the others
		_, err := l.Append(b.Context(), bytes.Repeat(entry, 100))
		require.NoError(b, err)
	}
	before := l.Stats().Bytes
	b.ResetTimer()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := caller; n < b.N; n += callers {
				if _, err := l.Append(b.Context(), entry); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if after := l.Stats(); after.Bytes > before {
		b.ReportMetric(float64(after.Bytes-before)/float64(b.N), "bytes/entry")
	}
	require.NoError(b, l.Close())
}
