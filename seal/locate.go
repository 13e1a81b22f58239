package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Locate returns the sequence number of an entry that the newest checkpoint of the directory
// covers. It looks for its hash in the tiles, the newest first, which takes some microseconds
// for each 256 entries. If they don't have it, the error matches ErrNotSealed.
//
// If ctx ends, the error is that of ctx.
func Locate(ctx context.Context, files Files, entry []byte, keys ...note.Verifier) (seq uint64, err error) {
	c, all, err := readNewest(files, keys)
	if err != nil {
		return 0, err
	}
	h := HashLeaf(entry)
	for n := (c.Size - 1) / tileWidth; n >= 0 && c.Size > 0; n-- {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("seal: locate an entry: %w", err)
		}
		t := tlog.Tile{H: tileHeight, N: n, W: int(min(tileWidth, c.Size-n*tileWidth))}
		hashes, err := readTile(files, t)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		for i := range hashes {
			if hashes[i] == h {
				return all.seq(n*tileWidth + int64(i)), nil
			}
		}
	}
	return 0, ErrNotSealed
}
