package seal

import (
	"crypto/sha256"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is the height of tiles, in levels of the tree; tileWidth is how many hashes a
// full tile has. C2SP sets both.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tree is a tree to which leaves are added. It keeps the partial tile of each level only.
type tree struct {
	size int64
	edge [][]Hash                    // the hashes of the partial tile of each level
	full func(t tlog.Tile, h []Hash) // gets each tile that has become full; nil: nobody
}

// add adds the hash of a leaf.
func (t *tree) add(h Hash) {
	number := t.size
	t.size++
	for level := 0; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, make([]Hash, 0, tileWidth))
		}
		t.edge[level] = append(t.edge[level], h)
		tile := t.edge[level]
		if len(tile) < tileWidth {
			return
		}
		number >>= tileHeight
		if t.full != nil {
			t.full(tlog.Tile{H: tileHeight, L: level, N: number, W: tileWidth}, tile)
		}
		h, t.edge[level] = hashSubtree(tile), tile[:0]
	}
}

// root returns the hash of the tree.
func (t *tree) root() Hash { return edgeRoot(t.edge) }

// edgeRoot returns the hash of the tree that has these partial tiles.
func edgeRoot(edge [][]Hash) Hash {
	var root Hash
	empty := true
	for _, tile := range edge { // the smallest subtrees first, from the right
		for end := len(tile); end > 0; {
			width := end & -end
			h := hashSubtree(tile[end-width : end])
			if !empty {
				h = hashNode(h, root)
			}
			root, empty, end = h, false, end-width
		}
	}
	if empty {
		return sha256.Sum256(nil)
	}
	return root
}

// partialTiles returns the partial tiles of a tree, with their hashes.
func (t *tree) partialTiles() (tiles []tlog.Tile, hashes [][]Hash) {
	for level, tile := range t.edge {
		if len(tile) > 0 {
			n := t.size >> (tileHeight * (level + 1))
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n, W: len(tile)})
			hashes = append(hashes, tile)
		}
	}
	return tiles, hashes
}

// edgeTiles returns the partial tiles of a tree of size leaves.
func edgeTiles(size int64) (tiles []tlog.Tile) {
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		if w := int(size >> (tileHeight * level) % tileWidth); w > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: size >> (tileHeight * (level + 1)), W: w})
		}
	}
	return tiles
}

// validEdge reports whether the widths of the edge are those of a tree of that size.
func validEdge(size int64, edge [][]Hash) bool {
	want := edgeTiles(size)
	for level, tile := range edge {
		at := slices.IndexFunc(want, func(t tlog.Tile) bool { return t.L == level })
		if at < 0 && len(tile) > 0 || at >= 0 && want[at].W != len(tile) {
			return false
		}
	}
	return len(want) == 0 || want[len(want)-1].L < len(edge)
}
