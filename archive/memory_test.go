package archive_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"iter"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raceDetector reports whether the tests run with the race detector, which makes them ten times
// slower.
var raceDetector bool

// TestMemory archives and imports far more than may be in memory, and looks at the heap
// meanwhile.
func TestMemory(t *testing.T) {
	const size = 60_000
	n, most := 440, uint64(12<<20) // of 26 MB
	if raceDetector {
		n, most = 150, 8<<20 // of 9 MB
	}
	heap := &heapWatch{before: liveHeap()}
	entries := func(yield func(archive.Entry, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		text := make([]byte, size/2)
		for i := range n {
			for at := range text {
				text[at] = byte(rng.Uint32())
			}
			r := newRecord(i)
			r.Reason = hex.EncodeToString(text)
			if i%40 == 0 {
				heap.look()
			}
			if !yield(archive.Entry{Seq: uint64(i + 1), Data: encode(t, r)}, nil) {
				return
			}
		}
	}
	dir, err := archive.CreateDir(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, dir.Close()) }()
	store := &watchedStore{Store: dir, heap: heap}
	a, err := archive.Create(t.Context(), store, archive.Meta{Log: "shop", First: 1, Last: uint64(n)}, entries)
	require.NoError(t, err)
	assert.Greater(t, a.Manifest().Content, int64(most))
	heap.require(t, "create", most)

	found := 0
	for _, err := range archive.NewReader(store).Find(t.Context(), query.Filter{Limit: 50}) {
		require.NoError(t, err)
		found++
	}
	assert.Equal(t, 50, found)
	heap.require(t, "find", most)

	done, err := archive.Import(t.Context(), a, &watchedExporter{heap: heap})
	require.NoError(t, err)
	assert.EqualValues(t, n, done.Records)
	heap.require(t, "import", most)

	l, err := ledger.Open(t.TempDir(), ledger.WithScrub(0))
	require.NoError(t, err)
	done, err = archive.ImportLedger(t.Context(), a, l, watchedReader{heap})
	require.NoError(t, err)
	assert.EqualValues(t, n, done.Records)
	heap.require(t, "import into a ledger", most)
	require.NoError(t, l.Close())
}

// heapWatch knows the largest heap that was seen, of what is reachable.
type heapWatch struct{ before, largest uint64 }

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (h *heapWatch) look() { h.largest = max(h.largest, liveHeap()) }

func (h *heapWatch) require(t *testing.T, step string, most uint64) {
	t.Helper()
	require.NotZero(t, h.largest, "nothing looked at the heap: %s", step)
	require.Less(t, h.largest, h.before+most, step)
	h.largest = 0
}

type watchedStore struct {
	archive.Store

	heap *heapWatch
}

func (s *watchedStore) ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error) {
	s.heap.look()
	return s.Store.ReadAt(ctx, name, p, offset)
}

type watchedExporter struct {
	export.Exporter

	heap *heapWatch
}

func (e *watchedExporter) Export(context.Context, []*record.Record) error {
	e.heap.look()
	return nil
}

// watchedReader has no records.
type watchedReader struct{ heap *heapWatch }

func (r watchedReader) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	r.heap.look()
	return func(func(*record.Record, error) bool) {}
}

// TestPartsGrow: the manifest of a large archive stays small, and its first parts do too.
func TestPartsGrow(t *testing.T) {
	assert.EqualValues(t, 256<<10, archive.PartTarget(0))
	parts, content := 0, int64(0)
	for content < 10<<30 {
		content += archive.PartTarget(content)
		parts++
	}
	assert.Less(t, parts, 12_000)
	assert.LessOrEqual(t, archive.PartTarget(1<<40), int64(1<<20), "a part is in memory")
}

// TestManifestSize: the stored form of a manifest without records has no times.
func TestManifestSize(t *testing.T) {
	b, m := write(t, archive.Meta{Log: "shop", First: 1, Last: 1}, []archive.Entry{{Seq: 1, Data: []byte("x")}})
	assert.True(t, m.Newest.IsZero())
	assert.False(t, bytes.Contains(b, []byte("newest")))
}
