package ledgerquery_test

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heap returns how many bytes the process uses.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // also what finalizers and pools kept
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryOfSegments follows a ledger without indexes. A Reader remembers where its entries are,
// and not the entries.
func TestMemoryOfSegments(t *testing.T) { //nolint:paralleltest // others would use memory meanwhile
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(1<<20), ledger.WithSyncInterval(time.Second))
	require.NoError(t, err)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	const segments, size = 30, 600 << 10
	before, n := heap(), 0
	for range segments {
		var entries [][]byte
		for left := size; left > 0; n++ {
			entries = append(entries, encode(t, newRecord(n))...)
			left -= len(entries[len(entries)-1])
		}
		_, err := l.Append(t.Context(), entries...) // another one does not fit into the segment
		require.NoError(t, err)
		_, errs := targets(t, reader, query.Filter{Limit: 1})
		require.Empty(t, errs)
	}
	require.Len(t, glob(t, dir, "*.segment"), segments)
	assert.Less(t, heap()-before, int64(segments*size/4))
	runtime.KeepAlive(reader)
	require.NoError(t, l.Close())
}

// TestMemoryOfAnswers reads all records of a ledger, and of one that has four times as many: the
// peak of the heap is that of one batch, whatever the size of the answer.
func TestMemoryOfAnswers(t *testing.T) { //nolint:paralleltest // others would use memory meanwhile
	const few, size = 1500, 8 << 10
	peak := func(records int) (most int64) {
		var entries [][]byte
		for n := range records {
			r := newRecord(n)
			r.Reason = strings.Repeat("because ", size/8)
			entries = append(entries, encode(t, r)...)
		}
		reader := newIndexedReader(t, filepath.Join(t.TempDir(), "ledger"), entries, ledger.WithSegmentSize(1<<20))
		before, found := heap(), 0
		for _, err := range reader.Find(t.Context(), query.Filter{}) {
			require.NoError(t, err)
			if found++; found%(records/8) == 0 {
				most = max(most, heap()-before)
			}
		}
		require.Equal(t, records, found)
		return most
	}
	small, large := peak(few), peak(4*few)
	t.Logf("%d and %d KiB", small>>10, large>>10)
	assert.Less(t, large, small+few*size/4, "what was read in addition has %d bytes", 3*few*size)
}
