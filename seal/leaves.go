package seal

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Leaves are the hashes of all entries that a checkpoint covers, also of those that the ledger
// does not have any more. Copies of entries that are elsewhere are compared with them: in
// archives, in a database. Reading in the order of the entries is fast; the methods must not be
// called concurrently.
type Leaves struct {
	checkpoint Checkpoint
	gaps       gaps
	tree       *sealedTree
}

// ErrGap means that the entry could not be read when it should have been sealed, so that nobody
// knows what it was.
var ErrGap = errors.New("seal: the entry is in a gap: it was lost before it was sealed")

// OpenLeaves returns the leaves of the checkpoint of the directory, which one of the keys must
// have signed. Held is one that was kept outside, or nil. If the directory's contradicts it, the
// error matches ErrFork, and if that is smaller, those of Held are returned.
func OpenLeaves(files Files, held []byte, keys ...note.Verifier) (*Leaves, error) {
	all, err := loadGaps(files)
	if err != nil {
		return nil, err
	}
	var own, outside *Checkpoint
	signed, err := files.Read(checkpointName)
	if err != nil {
		return nil, err
	}
	if c, err := OpenCheckpoint(signed, keys...); err == nil {
		own = &c
	} else if held == nil {
		return nil, err
	}
	if held != nil {
		c, err := OpenCheckpoint(held, keys...)
		if err != nil {
			return nil, fmt.Errorf("seal: the checkpoint that was held outside: %w", err)
		}
		outside = &c
	}
	var l *Leaves
	for _, e := range bySize(own, outside, nil) {
		if l == nil {
			if tree, ok := openSealedTree(files, &e.Checkpoint); ok {
				l = &Leaves{checkpoint: e.Checkpoint, gaps: all, tree: tree}
			}
			continue
		}
		if root, ok := l.tree.rootAt(e.Size); !ok || root != e.Root || e.Origin != l.checkpoint.Origin {
			return nil, fmt.Errorf("seal: the checkpoint of the %s, of %d leaves, contradicts the other one: %w", e.source, e.Size, ErrFork)
		}
	}
	if l == nil {
		return nil, errors.New("seal: the tiles are not those of a checkpoint")
	}
	if outside != nil && l.checkpoint.Size < outside.Size {
		return nil, fmt.Errorf("seal: the tiles have %d leaves, and the checkpoint that was held outside has %d: %w", l.checkpoint.Size, outside.Size, ErrRollback)
	}
	return l, nil
}

// Checkpoint returns the checkpoint of the leaves.
func (l *Leaves) Checkpoint() Checkpoint { return l.checkpoint }

// Last returns the sequence number of the last entry that the checkpoint covers, or 0.
func (l *Leaves) Last() uint64 { return l.gaps.seq(l.checkpoint.Size) - 1 }

// Gaps returns the ranges that were lost before they were sealed.
func (l *Leaves) Gaps() []Gap { return l.gaps }

// Hash returns the hash of an entry, as HashLeaf does. The error matches ErrNotSealed if the
// checkpoint does not cover it, and ErrGap if it is in a gap. Any other error says that tiles are
// missing or altered.
func (l *Leaves) Hash(seq uint64) (Hash, error) {
	leaf, in := l.gaps.leaf(seq)
	switch {
	case in != nil:
		return Hash{}, fmt.Errorf("entry %d: %w", seq, ErrGap)
	case seq == 0 || leaf >= l.checkpoint.Size:
		return Hash{}, fmt.Errorf("entry %d: %w", seq, ErrNotSealed)
	}
	hashes, ok := l.tree.tile(0, leaf/tileWidth)
	if !ok {
		return Hash{}, fmt.Errorf("seal: entry %d: the tile with its hash is missing or altered", seq)
	}
	return hashes[leaf%tileWidth], nil
}
