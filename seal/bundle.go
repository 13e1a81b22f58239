package seal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/opendeed/audit/sdk/ledger"
)

// Bundle returns the first width leaves of a tile of level 0, at most 256, as an entry bundle of
// C2SP's tlog-tiles: each leaf after its length in two bytes. It holds the records themselves.
//
// The error matches ErrNotSealed if the checkpoint of the directory does not cover all of them. If
// the ledger has not all of them any more, it is that of the Reader, such as a
// *ledger.RemovedError.
func Bundle(ctx context.Context, files Files, r *ledger.Reader, tile int64, width int) ([]byte, error) {
	signed, err := files.Read(checkpointName)
	if err != nil {
		return nil, err
	}
	c, err := UnverifiedCheckpoint(signed)
	if err != nil {
		return nil, err
	}
	if width < 1 || width > tileWidth || tile < 0 || tile > c.Size/tileWidth || tile*tileWidth+int64(width) > c.Size {
		return nil, ErrNotSealed
	}
	all, err := loadGaps(files)
	if err != nil {
		return nil, err
	}
	b := bundle{gaps: all, next: tile * tileWidth, end: tile*tileWidth + int64(width)}
	if err := b.addGaps(); err != nil {
		return nil, err
	}
	if b.next == b.end {
		return b.data, nil
	}
	var lost error // it may be in a gap
	for e, err := range r.Entries(ctx, all.seq(b.next)) {
		_, removed := errors.AsType[*ledger.RemovedError](err)
		_, corrupt := errors.AsType[*ledger.CorruptError](err)
		switch {
		case removed || corrupt:
			lost = err
			continue
		case err != nil:
			return nil, err
		}
		if leaf, in := all.leaf(e.Seq); in != nil || leaf != b.next {
			return nil, b.missing(lost)
		}
		if err := b.add(e.Data); err != nil {
			return nil, err
		}
		if err := b.addGaps(); err != nil || b.next == b.end {
			return b.data, err
		}
	}
	return nil, b.missing(lost)
}

// bundle is an entry bundle that is being made.
type bundle struct {
	gaps      gaps
	next, end int64
	data      []byte
}

// missing returns the error that the next leaf is not in the ledger.
func (b *bundle) missing(lost error) error {
	return errors.Join(fmt.Errorf("seal: the ledger does not have leaf %d", b.next), lost)
}

func (b *bundle) add(leaf []byte) error {
	if len(leaf) > math.MaxUint16 {
		return fmt.Errorf("seal: leaf %d has %d bytes, and a bundle holds at most %d of each", b.next, len(leaf), math.MaxUint16)
	}
	b.data = append(binary.BigEndian.AppendUint16(b.data, uint16(len(leaf))), leaf...)
	b.next++
	return nil
}

// addGaps adds the gaps that come next.
func (b *bundle) addGaps() error {
	for b.next < b.end {
		g := b.gaps.next(b.next)
		if g == nil || g.Leaf != b.next {
			return nil
		}
		if err := b.add(g.LeafData()); err != nil {
			return err
		}
	}
	return nil
}
