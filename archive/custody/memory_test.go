package custody_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// verifiedHeap seals a ledger of n entries, verifies it, and returns the largest heap meanwhile, of
// what is reachable, without what was there before.
func verifiedHeap(t *testing.T, n int) int64 {
	t.Helper()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	l, err := ledger.Open(filepath.Join(temp, "ledger"), ledger.WithSegmentSize(1<<20), ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(t, err)
	var entries [][]byte
	for i := range n {
		entries = append(entries, fmt.Appendf(nil, `{"action":"invoice.pay","id":%d,"padding":"%s"}`, i, strings.Repeat("x", 40)))
		if len(entries) == 1000 {
			_, err := l.Append(t.Context(), entries...)
			require.NoError(t, err)
			entries = nil
		}
	}
	s, err := seal.Start(t.Context(), l, key)
	require.NoError(t, err)
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, l.Close())
	r, err := ledger.OpenReader(filepath.Join(temp, "ledger"))
	require.NoError(t, err)
	defer r.Close()

	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, largest, looks := heap(), int64(0), 0
	report, err := custody.Verify(t.Context(), r, custody.Options{Seal: seal.VerifyOptions{
		Keys: []note.Verifier{key.Verifier()}, Held: s.Newest().Note,
		Progress: func(read int64) {
			if read > int64(n)/2 && looks < 4 { // each collects garbage, which takes a while
				looks++
				largest = max(largest, heap())
			}
		},
	}})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, n, report.Proved)
	require.Positive(t, looks)
	return largest - before
}

// TestMemory verifies two ledgers, of which one is eight times as large. The heap does not grow
// with it: it varies by what is being hashed, which is less than half the hashes of the larger
// one.
func TestMemory(t *testing.T) { //nolint:paralleltest // it looks at the heap of the process
	const small, large = 20_000, 160_000
	first, second := verifiedHeap(t, small), verifiedHeap(t, large)
	t.Logf("%d entries: %d KiB; %d entries: %d KiB", small, first>>10, large, second>>10)
	require.Less(t, second, first+16*large)
}
