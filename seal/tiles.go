package seal

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileName returns the name of a tile in the layout of C2SP: tile/LEVEL/NUMBER, and .p/WIDTH
// if it is partial.
func tileName(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

// partialDir returns the name of the directory that has the partial tiles of a full one.
func partialDir(t tlog.Tile) string {
	t.W = tileWidth
	return tileName(t) + ".p"
}

// encodeTile returns the content of a tile.
func encodeTile(hashes []Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

// errTile describes a tile that has another size than it should.
func errTile(name string, size int) error {
	return fmt.Errorf("seal: the tile %s has %d bytes", name, size)
}

// decodeTile returns the first width hashes of a tile.
func decodeTile(name string, b []byte, width int) ([]Hash, error) {
	if len(b) < width*tlog.HashSize || len(b)%tlog.HashSize != 0 {
		return nil, errTile(name, len(b))
	}
	hashes := make([]Hash, width)
	for i := range hashes {
		copy(hashes[i][:], b[i*tlog.HashSize:])
	}
	return hashes, nil
}

// readTile reads a tile. In place of a partial one it accepts the full one.
func readTile(files Files, t tlog.Tile) ([]Hash, error) {
	name := tileName(t)
	b, err := files.Read(name)
	if err != nil && t.W < tileWidth {
		full := t
		full.W = tileWidth
		if b, fullErr := files.Read(tileName(full)); fullErr == nil {
			return decodeTile(tileName(full), b, t.W)
		}
	}
	if err != nil {
		return nil, err
	}
	return decodeTile(name, b, t.W)
}

// readEdge reads the partial tiles of a tree of size leaves.
func readEdge(files Files, size int64) ([][]Hash, error) {
	var edge [][]Hash
	for _, t := range edgeTiles(size) {
		hashes, err := readTile(files, t)
		if err != nil {
			return nil, err
		}
		for len(edge) <= t.L {
			edge = append(edge, nil)
		}
		edge[t.L] = hashes
	}
	return edge, nil
}

// tileReader reads tiles for package tlog, which checks them.
type tileReader struct{ files Files }

func (tileReader) Height() int { return tileHeight }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		hashes, err := readTile(r.files, t)
		if err != nil {
			return nil, err
		}
		data[i] = encodeTile(hashes)
	}
	return data, nil
}

func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
