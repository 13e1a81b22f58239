package seal

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// mend makes the full tiles that are lost again, from the tiles below them and from the ledger. A
// tile whose entries the ledger does not have any more is reported, and stays lost.
func (s *Sealer) mend(ctx context.Context) error {
	var mended []string
	for level := 1; level < len(s.tree.edge); level++ {
		first := s.tree.size >> (tileHeight * (level + 1)) * tileWidth
		for i, want := range s.tree.edge[level] {
			if err := s.mendTile(ctx, level-1, first+int64(i), want, &mended); err != nil {
				return err
			}
		}
	}
	s.lost = false
	return s.sync(mended)
}

// errLost means that a tile cannot be made again.
var errLost = errors.New("it is lost, and the ledger does not have its entries any more; restore the directory of the seal from a copy")

// mendTile makes a tile again if it is lost, and those below it. Want is its hash.
func (s *Sealer) mendTile(ctx context.Context, level int, n int64, want Hash, mended *[]string) error {
	t := tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth}
	name := tileName(t)
	var hashes []Hash
	var err error
	lost := !whole(s.files, name)
	switch {
	case !lost && level == 0:
		return nil
	case !lost:
		hashes, err = readTile(s.files, t)
	case level == 0:
		hashes, err = s.leavesOf(ctx, n)
	default:
		hashes, err = s.tilesOf(ctx, t)
	}
	if err == nil && lost && hashSubtree(hashes) != want {
		err = errLost
	}
	if errors.Is(err, errLost) {
		s.complain(&s.reported, fmt.Errorf("seal: the tile %s: %w", name, err))
		return nil
	}
	if err != nil {
		return err
	}
	if lost {
		if err := s.files.Write(name, encodeTile(hashes)); err != nil {
			return err
		}
		*mended = append(*mended, name)
	}
	for i := 0; level > 0 && i < tileWidth; i++ {
		if err := s.mendTile(ctx, level-1, n*tileWidth+int64(i), hashes[i], mended); err != nil {
			return err
		}
	}
	return nil
}

// whole reports whether a full tile is there and has its size. Its hashes are not checked: tiles
// were made durable before the state that names them.
func whole(files Files, name string) bool {
	if dir, ok := files.(*osFiles); ok {
		_, size := dir.stat(name)
		return size == tileWidth*tlog.HashSize
	}
	b, err := files.Read(name)
	return err == nil && len(b) == tileWidth*tlog.HashSize
}

// leavesOf returns the hashes of a tile of leaves, from the ledger.
func (s *Sealer) leavesOf(ctx context.Context, n int64) ([]Hash, error) {
	next, end := n*tileWidth, (n+1)*tileWidth
	hashes := make([]Hash, 0, tileWidth)
	gap := func() {
		for next < end {
			g := s.gaps.next(next)
			if g == nil || g.Leaf != next {
				return
			}
			hashes = append(hashes, s.hasher.sum(g.LeafData()))
			next++
		}
	}
	gap()
	for frame, err := range s.entries.Frames(ctx, s.gaps.seq(next), s.gaps.seq(end)-1) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			continue // in a gap, or the hash shows that leaves are missing
		}
		for e := range frame.All() {
			if leaf, in := s.gaps.leaf(e.Seq); in != nil || leaf != next || next == end {
				continue
			}
			hashes = append(hashes, s.hasher.sum(e.Data))
			next++
			gap()
		}
	}
	if next < end {
		return nil, errLost
	}
	return hashes, nil
}

// tilesOf returns the hashes of a tile of level 1 or more, from the tiles below it, or, if those
// are lost too, from the ledger.
func (s *Sealer) tilesOf(ctx context.Context, t tlog.Tile) ([]Hash, error) {
	hashes := make([]Hash, tileWidth)
	for i := range hashes {
		below := tlog.Tile{H: tileHeight, L: t.L - 1, N: t.N*tileWidth + int64(i), W: tileWidth}
		tile, err := readTile(s.files, below)
		switch {
		case err == nil:
		case below.L == 0:
			tile, err = s.leavesOf(ctx, below.N)
		default:
			tile, err = s.tilesOf(ctx, below)
		}
		if err != nil {
			return nil, err
		}
		hashes[i] = hashSubtree(tile)
	}
	return hashes, nil
}
