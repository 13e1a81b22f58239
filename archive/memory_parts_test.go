package archive_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// manifestOf returns the manifest of an archive that has many parts, all of them empty.
func manifestOf(parts int) *archive.Manifest {
	m := &archive.Manifest{
		Meta: archive.Meta{Log: "shop", First: 1, Last: uint64(parts)}, Content: int64(parts), Entries: int64(parts), Records: int64(parts),
		Oldest: epoch, Newest: epoch,
	}
	for i := range parts {
		seq := uint64(i + 1)
		m.Parts = append(m.Parts, archive.Part{
			Offset: int64(i), Size: 1, Content: 1, Entries: 1, Records: 1, First: seq, Last: seq, Oldest: epoch, Newest: epoch,
		})
	}
	return m
}

// TestMemoryOfManifest writes and reads the manifests of two archives, of which the larger could
// have 30 million records. A manifest is neither as JSON in memory, nor copied, which took 2,200
// bytes to write and 2,900 to read. The race detector adds some to the 580 and 950 of today.
func TestMemoryOfManifest(t *testing.T) { //nolint:paralleltest // others would use memory meanwhile
	const few, many = 5_000, 30_000
	write := func(parts int) int64 {
		m := manifestOf(parts)
		return allocated(func() { require.NoError(t, archive.EncodeManifest(m, io.Discard)) })
	}
	assert.Less(t, (write(many)-write(few))/(many-few), int64(1000), "bytes a part, to write it")

	open := func(parts int) int64 {
		m := manifestOf(parts)
		content := rewrite(make([]byte, parts), m, func(string) string {
			var b bytes.Buffer
			require.NoError(t, archive.EncodeManifest(m, &b))
			return b.String()
		})
		store := &memory{name: "a.jsonl.zst", content: content}
		return allocated(func() {
			a, err := archive.Open(t.Context(), store, store.name)
			require.NoError(t, err)
			require.Len(t, a.Manifest().Parts, parts)
		})
	}
	assert.Less(t, (open(many)-open(few))/(many-few), int64(1500), "bytes a part, to read it")
}

// TestLargeManifest reads a manifest of several megabytes, whose members are in another order. It
// is not used if any byte of it is damaged, or if the object ends early.
func TestLargeManifest(t *testing.T) {
	t.Parallel()
	m := manifestOf(20_000)
	content := rewrite(make([]byte, len(m.Parts)), m, func(string) string {
		var b bytes.Buffer
		require.NoError(t, archive.EncodeManifest(m, &b))
		before, parts, ok := strings.Cut(b.String(), `"parts":`)
		require.True(t, ok)
		parts, after, ok := strings.Cut(parts, `],`)
		require.True(t, ok)
		return `{"parts": ` + parts + "],\n" + strings.TrimPrefix(before, "{") + after
	})
	store := &memory{name: "a.jsonl.zst", content: content}
	a, err := archive.Open(t.Context(), store, store.name)
	require.NoError(t, err)
	assert.Equal(t, m.Parts, a.Manifest().Parts)
	assert.Less(t, store.reads, 8)

	for _, at := range []int{len(m.Parts) + 10_000, len(m.Parts) + 2<<20, len(content) - 100} {
		store.content = bytes.Clone(content)
		store.content[at] ^= 1
		_, err := archive.Open(t.Context(), store, store.name)
		requireCorrupt(t, err)
		require.ErrorContains(t, err, "the hash of the manifest is wrong")
	}
	store.content = content
	_, err = archive.Open(t.Context(), &shortStore{store}, store.name)
	requireCorrupt(t, err)
	require.ErrorContains(t, err, "the object ends early")
}

// shortStore reads only the end of an object.
type shortStore struct{ *memory }

func (s *shortStore) ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) < int64(len(s.content)) {
		return 0, io.EOF
	}
	return s.memory.ReadAt(ctx, name, p, offset)
}

// TestPartsUseBuffersAgain: each part of a large archive is a bit larger than the one before.
func TestPartsUseBuffersAgain(t *testing.T) {
	t.Parallel()
	var buffer []byte
	made, content := 0, int64(0)
	for content < 4<<30 {
		size := archive.PartTarget(content)
		before := cap(buffer)
		if buffer = archive.Resize(buffer, size); cap(buffer) != before {
			made++
		}
		require.Len(t, buffer, int(size))
		content += size
	}
	assert.Less(t, made, 20)
}

// TestMemoryOfLookup: while a ledger is asked for the records of a batch, the batch is in memory as
// bytes, and not decoded, which would take several times as much.
func TestMemoryOfLookup(t *testing.T) { //nolint:paralleltest // others would use memory meanwhile
	entries := newEntries(t, 1, 8192*2)
	a, err := archive.Create(t.Context(), newDir(t), metaOf(entries), sequence(entries))
	require.NoError(t, err)
	l, err := ledger.Open(t.TempDir(), ledger.WithScrub(0))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	heap := &heapWatch{before: liveHeap()}
	done, err := archive.ImportLedger(t.Context(), a, l, watchedReader{heap})
	require.NoError(t, err)
	assert.EqualValues(t, len(entries), done.Records)
	heap.require(t, "import into a ledger", 6<<20)
}

// TestImportUsesMemoryAgain imports several batches into a ledger that has some of the records, of
// which a part was stored twice. Each batch is compared with its own records.
func TestImportUsesMemoryAgain(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 3*8192)
	for _, i := range []int{10, 8192, 20_000} { // with the ID of the one before
		twin := newRecord(i)
		twin.Reason = "another event"
		entries[i].Data = encode(t, twin)
	}
	a, err := archive.Create(t.Context(), newDir(t), metaOf(entries), sequence(entries))
	require.NoError(t, err)
	l, err := ledger.Open(t.TempDir(), ledger.WithScrub(0))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	present := map[int]bool{9: true, 8192: true, 8193: true, 24_000: true}
	var has presentReader
	for i := range present {
		r, err := entries[i].Record()
		require.NoError(t, err)
		has = append(has, r)
	}
	done, err := archive.ImportLedger(t.Context(), a, l, has)
	require.NoError(t, err)
	assert.Equal(t, archive.Imported{Records: int64(len(entries) - len(present)), Present: int64(len(present))}, done)
	from, err := ledger.OpenReader(l.Dir())
	require.NoError(t, err)
	defer func() { require.NoError(t, from.Close()) }()
	next := 0
	for e, err := range from.Entries(t.Context(), 1) {
		require.NoError(t, err)
		for present[next] {
			next++
		}
		require.Equal(t, string(entries[next].Data), string(e.Data))
		next++
	}
	assert.Equal(t, len(entries), next)
}

// presentReader finds the same records in every search.
type presentReader []*record.Record

func (r presentReader) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for _, found := range r {
			if !yield(found, nil) {
				return
			}
		}
	}
}
