package seal

import "golang.org/x/mod/sumdb/tlog"

// sealedTree reads the hashes of a tree from its tiles. It returns none that does not follow
// from the root, so it does not matter who wrote the tiles.
type sealedTree struct {
	files Files
	size  int64
	edge  [][]Hash
	full  []cachedTile // the full tile of each level that was read last
}

type cachedTile struct {
	n      int64
	hashes []Hash
}

// openSealedTree returns the tree of a checkpoint. ok is false if the partial tiles are
// missing, or are not those of the root.
func openSealedTree(files Files, c *Checkpoint) (t *sealedTree, ok bool) {
	edge, err := readEdge(files, c.Size)
	if err != nil || edgeRoot(edge) != c.Root {
		return nil, false
	}
	return &sealedTree{files: files, size: c.Size, edge: edge}, true
}

// tile returns the hashes of a tile: of leaves on level 0, and of full tiles below it on other
// levels. ok is false if the tile is missing or altered, or one above it is.
func (t *sealedTree) tile(level int, n int64) (hashes []Hash, ok bool) {
	if n == t.size>>(tileHeight*(level+1)) {
		if level < len(t.edge) {
			return t.edge[level], true
		}
		return nil, true
	}
	for len(t.full) <= level {
		t.full = append(t.full, cachedTile{n: -1})
	}
	if t.full[level].n == n {
		return t.full[level].hashes, t.full[level].hashes != nil
	}
	hashes, ok = t.readFull(level, n)
	t.full[level] = cachedTile{n, hashes}
	return hashes, ok
}

func (t *sealedTree) readFull(level int, n int64) (hashes []Hash, ok bool) {
	sealed, ok := t.tileHash(level, n)
	if !ok {
		return nil, false
	}
	hashes, err := readTile(t.files, tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth})
	if err != nil || hashSubtree(hashes) != sealed {
		return nil, false
	}
	return hashes, true
}

// tileHash returns the hash of a full tile, which the level above it has.
func (t *sealedTree) tileHash(level int, n int64) (h Hash, ok bool) {
	above, ok := t.tile(level+1, n/tileWidth)
	if !ok || int(n%tileWidth) >= len(above) {
		return h, false
	}
	return above[n%tileWidth], true
}

// rootAt returns the hash of the tree when it had size leaves. ok is false if tiles are
// missing or altered.
func (t *sealedTree) rootAt(size int64) (h Hash, ok bool) {
	var edge [][]Hash
	for _, partial := range edgeTiles(size) {
		hashes, ok := t.tile(partial.L, partial.N)
		if !ok || len(hashes) < partial.W {
			return h, false
		}
		for len(edge) <= partial.L {
			edge = append(edge, nil)
		}
		edge[partial.L] = hashes[:partial.W]
	}
	return edgeRoot(edge), true
}
