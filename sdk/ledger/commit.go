package ledger

import (
	"errors"
	"fmt"
	"time"
)

// commitLoop commits batches until the ledger closes. It runs in its own goroutine, so
// a sync that hangs does not block callers past their contexts.
func (l *Ledger) commitLoop() {
	timer := time.NewTimer(maxGatherTime)
	defer timer.Stop()
	for {
		select {
		case <-l.commitWake:
		case <-l.closing:
			l.writeMu.Lock()
			l.commitPending()
			return
		}
		if l.config.syncInterval == 0 {
			l.gatherCallers(timer)
		}
		l.writeMu.Lock()
		l.commitPending()
	}
}

const (
	// maxGatherTime limits how long a batch waits for more callers.
	maxGatherTime = 5 * time.Millisecond
	// maxBackoff limits how many batches skip the wait after it was in vain.
	maxBackoff = 64
)

// gatherCallers waits for the callers of the last batch to append again. Without it
// the callers would split into two groups that alternate, each waiting for the other's
// sync. The wait is at most twice the duration of the last commit. Each wait that
// times out doubles the number of batches that skip the next one.
func (l *Ledger) gatherCallers(timer *time.Timer) {
	l.mu.Lock()
	wait := l.pending != nil && l.pending.callers < l.expected
	if wait && l.skipGathers > 0 {
		l.skipGathers--
		wait = false
	}
	l.gathering = wait
	l.mu.Unlock()
	if !wait {
		return
	}
	timer.Reset(min(2*l.commitTime, maxGatherTime))
	select {
	case <-l.gathered:
		l.backoff = 1
	case <-timer.C:
		l.mu.Lock()
		l.skipGathers = l.backoff
		l.mu.Unlock()
		l.backoff = min(2*l.backoff, maxBackoff)
	case <-l.closing:
	}
}

// commitPending commits the pending batch and unlocks writeMu, which the caller has
// locked. It wakes commitLoop if more entries are pending.
func (l *Ledger) commitPending() {
	b := l.takeBatch()
	if b != nil {
		b.time = time.Now()
		b.err = nameDir(l.commit(b), l.dir.Path())
		if l.config.syncInterval == 0 {
			l.commitTime = time.Since(b.time)
		}
		l.completeBatch(b)
	}
	l.writeMu.Unlock()
	l.mu.Lock()
	more := l.pending != nil
	l.mu.Unlock()
	if more {
		notify(l.commitWake)
	}
}

// takeBatch closes the pending batch to further entries and decides which segment it
// goes to.
func (l *Ledger) takeBatch() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.pending
	if b == nil {
		return nil
	}
	l.pending, l.gathering = nil, false
	select {
	case <-l.gathered: // they came too late
	default:
	}
	size := frameSize(int64(len(b.frame) - frameHeaderSize))
	if size > l.room {
		b.rotate = true
		l.room = l.config.segmentSize - segmentHeaderSize
		l.spareTaken, l.spareReady = l.spareTaken || l.spareReady, false
	}
	size = l.paddedSize(size)
	l.room -= min(size, l.room)
	l.bytes += size
	broadcast(&l.moreRoom) // a new batch has room
	return b
}

// completeBatch publishes the result of a batch and wakes its callers.
func (l *Ledger) completeBatch(b *batch) {
	l.mu.Lock()
	l.expected = b.callers
	if l.pending != nil {
		l.expected += l.pending.callers
	}
	if b.err == nil && l.config.syncInterval == 0 {
		l.advanceSynced(l.next-1, l.end)
	}
	l.pairs.appended += int64(len(b.frame))
	l.spareReady, l.spareTaken = l.spareReady || l.spareTaken, false // if rotate did not get that far
	due := l.pairs.appended >= l.pairs.roundBytes
	l.measure()
	low := !l.spareReady && l.room < l.config.segmentSize/2
	if cap(b.frame) <= maxBatchSize {
		l.frameBuffer = b.frame
	}
	b.completed = true
	done := b.done
	l.mu.Unlock()
	if done != nil {
		close(done)
	}
	if low {
		notify(l.maintainWake)
	}
	if due {
		notify(l.pairs.wake)
	}
}

// measure updates room and bytes. mu and writeMu are held, and no batch is being written.
func (l *Ledger) measure() {
	l.room = l.active.capacity - l.end
	if l.activeFailed {
		l.room = 0
	}
	l.bytes = l.totalSize()
}

// commit writes the batch as one frame, in the next segment if necessary. writeMu is
// held.
func (l *Ledger) commit(b *batch) error {
	if err := l.verifyBeforeWrite(b.time); err != nil {
		return fmt.Errorf("ledger: nothing was stored: %w", err)
	}
	size := frameSize(int64(len(b.frame) - frameHeaderSize))
	for rotate := b.rotate || l.activeFailed; rotate || l.end+size > l.active.capacity; rotate = false {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("ledger: nothing was stored: %w", err)
		}
	}
	b.first = l.next
	err := l.writeFrame(b)
	if err == nil {
		return nil
	}
	if _, lost := errors.AsType[*LostError](err); lost {
		return errors.Join(ErrMaybeStored, err)
	}
	// The segment may hold part of the frame. The next segment voids it.
	l.activeFailed = true
	retryErr := l.rotate()
	if retryErr == nil {
		b.frame = unsealFrame(b.frame)
		if retryErr = l.writeFrame(b); retryErr == nil {
			return nil
		}
		l.activeFailed = true
	}
	return errors.Join(ErrMaybeStored, l.writeError("write a frame", err), retryErr)
}

// writeFrame appends the batch's frame to the active segment, and verifies that the
// segment is one that the next Open finds.
func (l *Ledger) writeFrame(b *batch) error {
	strict := l.config.syncInterval == 0
	h := frameHeader{kind: kindEntries, first: b.first, entries: uint32(b.entries), syncedEnd: l.end, time: b.time.UnixNano()}
	if !strict {
		l.mu.Lock()
		h.syncedEnd = l.syncedEnd
		l.mu.Unlock()
	}
	h.padding = l.padding(l.end, frameSize(int64(len(b.frame)-frameHeaderSize)), l.active.capacity)
	b.frame = sealFrame(b.frame, h, l.active.location(l.end))
	_, err := l.active.file.WriteAt(b.frame, l.end)
	if err == nil && strict {
		err = l.active.sync()
	}
	if err == nil {
		err = l.verifyWritten(strict)
	}
	if err != nil {
		return err
	}
	l.end += int64(len(b.frame))
	l.next += uint64(b.entries)
	return nil
}

// padding returns how much padding makes a frame of size bytes at offset end where a page
// does.
func (l *Ledger) padding(offset, size, capacity int64) uint32 {
	if !l.config.aligned() {
		return 0
	}
	end := min(pageEnd(offset+size), capacity&^(frameAlign-1))
	return uint32(max(0, end-offset-size))
}

// paddedSize returns the size of a frame of size bytes at the beginning of a page, with
// its padding.
func (l *Ledger) paddedSize(size int64) int64 {
	if !l.config.aligned() {
		return size
	}
	return pageEnd(size)
}
