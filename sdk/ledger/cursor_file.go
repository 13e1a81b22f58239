package ledger

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/opendeed/audit/internal/names"
)

const (
	cursorSuffix  = ".cursor"
	cursorVersion = 1
	cursorSize    = 8 + 16 + 8 + len(aheadSet{})
)

// aheadSet is a set of entries that follow a position. Bit i stands for the entry at
// distance i+1.
type aheadSet [128]byte

func (b *aheadSet) set(distance uint64) { b[(distance-1)/8] |= 1 << ((distance - 1) % 8) }

func (b *aheadSet) has(distance uint64) bool {
	return distance-1 < uint64(MaxCommitAhead) && b[(distance-1)/8]>>((distance-1)%8)&1 == 1
}

// openCursors opens all existing cursors. A damaged one stands before the oldest
// entry, so nothing is removed.
func (l *Ledger) openCursors() error {
	files, err := l.dir.List()
	if err != nil {
		return err
	}
	for _, file := range files {
		name, ok := strings.CutSuffix(file, cursorSuffix)
		if !ok || !names.Valid(name) {
			continue
		}
		c, err := l.openCursor(name, file)
		if corrupt, ok := errors.AsType[*CorruptError](err); ok {
			c = l.newCursor(name, l.state.first-1) // its position is unknown, so retention keeps everything
			corrupt.Hint = "the cursor starts again before the oldest entry, so its consumer gets entries again, which are the same"
			c.damage = corrupt
		} else if err != nil {
			return err
		}
		l.cursors[name] = c
	}
	return nil
}

func (l *Ledger) openCursor(name, file string) (*Cursor, error) {
	s, value, err := openSlotFile(l.dir, file)
	if err != nil {
		return nil, err
	}
	committed, ahead, err := decodeCursor(value, l.id, file)
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	c := l.newCursor(name, committed)
	c.walker.started = true
	c.file, c.openedAhead = s, ahead
	return c, nil
}

func (c *Cursor) encode(seq uint64, ahead *aheadSet) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, cursorSize), cursorVersion)
	b = append(b, c.ledger.id[:]...)
	b = le.AppendUint64(b, seq)
	return append(b, ahead[:]...)
}

func decodeCursor(b []byte, id ledgerID, file string) (seq uint64, ahead aheadSet, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < 8 || le.Uint64(b) != cursorVersion:
		return 0, ahead, errNewerVersion
	case len(b) != cursorSize || ledgerID(b[8:24]) != id:
		return 0, ahead, &CorruptError{File: file, Reason: "the file belongs to another ledger"}
	}
	return le.Uint64(b[24:]), aheadSet(b[32:]), nil
}
