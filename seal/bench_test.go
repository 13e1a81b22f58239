//go:build unix

package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	benchEntry   = 900
	benchEntries = 200_000
)

// benchLedger makes a ledger of entries of 900 bytes.
func benchLedger(b *testing.B) *fixture {
	b.Helper()
	temp := b.TempDir()
	key, err := CreateKey(temp+"/key", "example.com/audit")
	require.NoError(b, err)
	l, err := ledger.Open(temp+"/ledger", ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(b, err)
	data := make([]byte, benchEntry)
	entries := make([][]byte, 500)
	for n := 0; n < benchEntries; n += len(entries) {
		for i := range entries {
			binary.LittleEndian.PutUint64(data, uint64(n+i))
			entries[i] = bytes.Clone(data)
		}
		_, err := l.Append(b.Context(), entries...)
		require.NoError(b, err)
	}
	return &fixture{dir: temp + "/ledger", anchor: temp + "/anchor", key: key, open: l}
}

// processorTime returns how long the process has used processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// least measures parts of a benchmark: the least time of a processor that each has taken. Others
// who use the machine only make it longer.
type least map[string]time.Duration

func (l least) measure(part string, run func()) {
	start := processorTime()
	run()
	took := processorTime() - start
	if old, ok := l[part]; !ok || took < old {
		l[part] = took
	}
}

// perEntry returns nanoseconds for each entry.
func (l least) perEntry(part string) float64 { return float64(l[part].Nanoseconds()) / benchEntries }

// BenchmarkSeal is what sealing costs for each entry, off the hot path, in time of a processor,
// and what hashing the same bytes and reading the entries cost. ext4 takes ten times longer to
// create a file where many were removed in the last minutes, as in the directory of other tests:
// set TMPDIR.
func BenchmarkSeal(b *testing.B) {
	f := benchLedger(b)
	parts := least{}
	for b.Loop() {
		parts.measure("hashing", hashAll)
		parts.measure("reading", func() {
			for frame, err := range f.open.Sidecars().Frames(b.Context(), 1, benchEntries) {
				require.NoError(b, err)
				for range frame.All() {
				}
			}
		})
		files := OpenDir(b.TempDir())
		parts.measure("sealing", func() {
			s, err := Start(b.Context(), f.open, f.key, WithFiles(files))
			require.NoError(b, err)
			require.NoError(b, s.Close(b.Context()))
			require.EqualValues(b, benchEntries, s.Newest().Size)
		})
	}
	b.ReportMetric(parts.perEntry("hashing"), "hashing-ns/entry")
	b.ReportMetric(parts.perEntry("reading"), "reading-ns/entry")
	b.ReportMetric(parts.perEntry("sealing"), "cpu-ns/entry")
	b.ReportMetric(parts.perEntry("sealing")/parts.perEntry("hashing"), "of-hashing")
	require.NoError(b, f.open.Close())
}

// hashAll hashes as many bytes as the entries have, with two nodes for each two entries, on all
// processors.
func hashAll() {
	workers := runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			data, node := make([]byte, benchEntry+1), make([]byte, 65)
			for range benchEntries / workers {
				sum := sha256.Sum256(data)
				copy(node, sum[:])
				sum = sha256.Sum256(node)
				data[0] = sum[0]
			}
		})
	}
	group.Wait()
}

// simulatedTiles are the tiles of a tree whose leaves are all equal.
type simulatedTiles struct{ levels [][]byte }

func newSimulatedTiles() simulatedTiles {
	var s simulatedTiles
	h := HashLeaf([]byte("entry"))
	for range 8 {
		s.levels = append(s.levels, bytes.Repeat(h[:], tileWidth))
		hashes := make([]Hash, tileWidth)
		for i := range hashes {
			hashes[i] = h
		}
		h = hashSubtree(hashes)
	}
	return s
}

func (simulatedTiles) Height() int { return tileHeight }

func (s simulatedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		data[i] = s.levels[t.L][:t.W*tlog.HashSize]
	}
	return data, nil
}

func (simulatedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// edge returns the partial tiles of a tree of size leaves.
func (s simulatedTiles) edge(size int64) [][]Hash {
	var edge [][]Hash
	for _, t := range edgeTiles(size) {
		for len(edge) <= t.L {
			edge = append(edge, nil)
		}
		hashes, err := decodeTile("", s.levels[t.L], t.W)
		if err != nil {
			panic(err)
		}
		edge[t.L] = hashes
	}
	return edge
}

// BenchmarkProve makes and checks a proof out of 100 million leaves.
func BenchmarkProve(b *testing.B) {
	tiles := newSimulatedTiles()
	c := Checkpoint{Size: 100_000_000, Root: edgeRoot(tiles.edge(100_000_000))}
	n := int64(0)
	for b.Loop() {
		n = (n + 12_345_677) % c.Size
		_, err := prove(tiles, c, n, []byte("entry"))
		require.NoError(b, err)
	}
}
