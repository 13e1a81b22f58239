package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Backup is a copy of the files of a seal, for the copy of a ledger. Begin it before the ledger is
// copied: the copy then has all entries that the checkpoint covers.
type Backup struct {
	from       Files
	checkpoint []byte
	cosigned   []byte // nil without witnesses
	size       int64
}

// BeginBackup remembers the newest checkpoint of a directory. It returns nil if the ledger is not
// sealed. The files may be written meanwhile.
func BeginBackup(from Files) (*Backup, error) {
	signed, err := from.Read(checkpointName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := UnverifiedCheckpoint(signed)
	if err != nil {
		return nil, fmt.Errorf("seal: the checkpoint of the directory: %w", err)
	}
	b := &Backup{from: from, checkpoint: signed, size: c.Size}
	if signed, err = from.Read(cosignedName); err == nil {
		if c, err = UnverifiedCheckpoint(signed); err == nil && c.Size <= b.size { // another may just have been made
			b.cosigned = signed
		}
	}
	return b, nil
}

// CopyTo copies the checkpoint and what belongs to it. A nil Backup has nothing to copy.
func (b *Backup) CopyTo(ctx context.Context, to Files) error {
	if b == nil {
		return nil
	}
	for _, t := range tlog.NewTiles(tileHeight, 0, b.size) {
		if err := ctx.Err(); err != nil {
			return err
		}
		hashes, err := readTile(b.from, t)
		if err != nil {
			return err
		}
		name := tileName(t)
		if err := to.Write(name, encodeTile(hashes)); err != nil {
			return err
		}
		if err := to.Sync(name); err != nil {
			return err
		}
	}
	all, err := loadGaps(b.from)
	if err != nil {
		return err
	}
	covered := all[:0:0]
	for _, g := range all {
		if g.Leaf < b.size {
			covered = append(covered, g)
		}
	}
	if len(covered) > 0 {
		if err := covered.store(to); err != nil {
			return err
		}
	}
	if b.cosigned != nil {
		if err := to.Replace(cosignedName, b.cosigned); err != nil {
			return err
		}
	}
	return to.Replace(checkpointName, b.checkpoint)
}
