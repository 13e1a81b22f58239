package seal

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// TestTreeHash compares the tree with that of package tlog, at every size.
func TestTreeHash(t *testing.T) {
	t.Parallel()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			hashes[i] = stored[at]
		}
		return hashes, nil
	})
	var own tree
	for n := range int64(3 * tileWidth) {
		want, err := tlog.TreeHash(n, reader)
		require.NoError(t, err)
		if n > 0 {
			require.Equal(t, want, own.root(), "of %d leaves", n)
		}
		data := fmt.Appendf(nil, "leaf %d", n)
		require.Equal(t, tlog.RecordHash(data), HashLeaf(data))
		hashes, err := tlog.StoredHashes(n, data, reader)
		require.NoError(t, err)
		stored = append(stored, hashes...)
		own.add(HashLeaf(data))
	}
	require.Equal(t, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", edgeRoot(nil).String(), "of the empty tree")
}

// TestTiles compares the tiles that a tree emits with those that package tlog names.
func TestTiles(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1, 255, 256, 257, 70_000} {
		var full []tlog.Tile
		own := tree{full: func(tile tlog.Tile, _ []Hash) { full = append(full, tile) }}
		for n := range size {
			own.add(HashLeaf(fmt.Append(nil, n)))
		}
		partial, _ := own.partialTiles()
		require.ElementsMatch(t, tlog.NewTiles(tileHeight, 0, size), append(full, partial...))
		require.Equal(t, partial, edgeTiles(size))
	}
	require.Equal(t, "tile/3/x001/x234/067.p/8", tileName(tlog.Tile{H: 8, L: 3, N: 1234067, W: 8}))
	require.Equal(t, "tile/3/x001/x234/067.p", partialDir(tlog.Tile{H: 8, L: 3, N: 1234067, W: 8}))
}

// TestGaps compares the mapping with one that lists every entry.
func TestGaps(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var all gaps
		leaves := map[uint64]int64{}
		inside := map[uint64]bool{}
		seq, leaf := uint64(1), int64(0)
		for range 50 {
			if random.IntN(4) == 0 {
				last := seq + random.Uint64N(5)
				all = append(all, Gap{First: seq, Last: last, Leaf: leaf})
				for ; seq <= last; seq++ {
					leaves[seq], inside[seq] = leaf, true
				}
			} else {
				leaves[seq] = leaf
				seq++
			}
			leaf++
		}
		require.True(t, all.valid())
		for seq, want := range leaves {
			got, in := all.leaf(seq)
			require.Equal(t, want, got)
			require.Equal(t, inside[seq], in != nil)
			first := all.seq(got)
			require.LessOrEqual(t, first, seq)
			require.Equal(t, want, leaves[first])
			if !inside[seq] {
				require.Equal(t, seq, first)
			}
		}
	}
	require.False(t, gaps{{First: 5, Last: 4, Leaf: 4}}.valid())
	require.False(t, gaps{{First: 5, Last: 6, Leaf: 3}}.valid())
	require.Equal(t, "opendeed/gap\n5\n6\n", string(Gap{First: 5, Last: 6}.LeafData()))
}
