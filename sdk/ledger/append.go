package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// errBusy means that no batch accepted the entries before the context ended.
var errBusy = errors.New("ledger: writes and syncs do not keep up; nothing was stored")

// Append stores the entries, all or none of them, and returns the sequence number of
// the first. The others follow without gaps. Append does not retain the slices.
//
// If ctx ends while Append waits for room, the error matches ErrFull and nothing is
// stored. If ctx ends while the entries are being written, the error matches
// ErrMaybeStored: the write continues, and stores them unless it fails. With
// WithSyncInterval, a file system that is frozen may hold Append up past the end of ctx.
func (l *Ledger) Append(ctx context.Context, entries ...[]byte) (first uint64, err error) {
	if len(entries) == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ledger: %s: nothing was stored: %w", l.dir.Path(), err)
	}
	size, err := l.bodySize(entries)
	if err != nil {
		return 0, err
	}
	b, index, err := l.enqueue(ctx, entries, size)
	if err != nil {
		return 0, err
	}
	if !l.commitHere() {
		notify(l.commitWake)
	}
	if err := l.waitForBatch(ctx, b); err != nil {
		return 0, err
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.first + uint64(index), nil
}

// commitHere commits the pending batch in the caller's goroutine, which saves handing it
// over, and reports whether it did. With a sync interval, a write goes to the memory of the
// system. If a new segment is needed, only commitLoop may wait for the disk.
func (l *Ledger) commitHere() bool {
	if l.config.syncInterval == 0 || !l.writeMu.TryLock() {
		return false
	}
	l.mu.Lock()
	fits := !l.activeFailed && (l.pending == nil || frameSize(int64(len(l.pending.frame)-frameHeaderSize)) <= l.room)
	l.mu.Unlock()
	if !fits {
		l.writeMu.Unlock()
		return false
	}
	l.commitPending()
	return true
}

// bodySize returns the size of the entries in a frame, and rejects what exceeds a
// limit.
func (l *Ledger) bodySize(entries [][]byte) (size int64, err error) {
	for _, e := range entries {
		if len(e) > MaxEntrySize {
			return 0, fmt.Errorf("%w: one has %d bytes; the limit is %d", ErrTooLarge, len(e), MaxEntrySize)
		}
		size += int64(len(e)) + entryOverhead
	}
	if limit := l.config.segmentSize - segmentHeaderSize; frameSize(size) > limit {
		return 0, fmt.Errorf("%w: together they take %d bytes; a segment has room for %d", ErrTooLarge, frameSize(size), limit)
	}
	return size, nil
}

// enqueue waits for room, adds the entries to the pending batch, and returns the batch
// with the index of the first entry in it.
func (l *Ledger) enqueue(ctx context.Context, entries [][]byte, size int64) (b *batch, index int, err error) {
	for {
		l.mu.Lock()
		if err := l.checkWritable(); err != nil {
			l.mu.Unlock()
			return nil, 0, err
		}
		noRoom := l.checkRoom(size)
		if noRoom == nil {
			b, index = l.addToBatch(entries)
			l.mu.Unlock()
			return b, index, nil
		}
		if l.moreRoom == nil {
			l.moreRoom = make(chan struct{})
		}
		moreRoom := l.moreRoom
		l.mu.Unlock()
		notify(l.maintainWake) // may make room
		notify(l.pairs.wake)
		select {
		case <-moreRoom:
		case <-ctx.Done():
			l.mu.Lock()
			err := errors.Join(fmt.Errorf("%w in %s", noRoom, l.dir.Path()), l.heldBack(), l.maintainErr, l.pairs.roundErr, ctx.Err())
			l.mu.Unlock()
			return nil, 0, err
		}
	}
}

// checkRoom returns why there is no room for size more bytes, or nil. mu is held.
func (l *Ledger) checkRoom(size int64) error {
	if l.pending != nil {
		size += int64(len(l.pending.frame) - frameHeaderSize)
		if size > maxBatchSize {
			return errBusy
		}
	}
	size = frameSize(size)
	if limit := l.maxBytes(); limit > 0 && l.bytes+l.paddedSize(size) > limit {
		return ErrFull
	}
	if size <= l.room || l.spareReady && size <= l.config.segmentSize-segmentHeaderSize {
		return nil
	}
	return ErrFull
}

// addToBatch adds the entries to the pending batch. mu is held.
func (l *Ledger) addToBatch(entries [][]byte) (*batch, int) {
	b := l.pending
	if b == nil {
		b = &batch{frame: l.takeFrameBuffer()}
		l.pending = b
	}
	index := b.entries
	for _, e := range entries {
		b.frame = binary.LittleEndian.AppendUint32(b.frame, uint32(len(e)))
		b.frame = append(b.frame, e...)
	}
	b.entries += len(entries)
	b.callers++
	if l.gathering && b.callers >= l.expected {
		l.gathering = false
		notify(l.gathered)
	}
	return b, index
}

func (l *Ledger) takeFrameBuffer() []byte {
	buffer := l.frameBuffer
	l.frameBuffer = nil
	if buffer == nil {
		buffer = make([]byte, 0, 4<<10)
	}
	return buffer[:frameHeaderSize]
}

func (l *Ledger) waitForBatch(ctx context.Context, b *batch) error {
	l.mu.Lock()
	completed := b.completed
	if !completed && b.done == nil {
		b.done = make(chan struct{})
	}
	done := b.done
	l.mu.Unlock()
	if completed {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		reason := "its disk does not answer in time"
		if errors.Is(ctx.Err(), context.Canceled) {
			reason = "the wait for its disk was canceled"
		}
		return errors.Join(fmt.Errorf("%w in %s; %s", ErrMaybeStored, l.dir.Path(), reason), ctx.Err())
	}
}
