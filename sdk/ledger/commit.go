package ledger

import (
	"errors"
	"fmt"
	"time"
)

// committer is the goroutine that commits what callers hand over, so that none of
// them has to wait for a sync that hangs.
func (l *Ledger) committer() {
	timer := time.NewTimer(maxPatience)
	defer timer.Stop()
	for {
		select {
		case <-l.wake:
		case <-l.closing:
			l.role.Lock()
			l.commitPending()
			return
		}
		if l.config.syncInterval == 0 {
			l.await(timer)
		}
		l.role.Lock()
		l.commitPending()
	}
}

const (
	// maxPatience bounds how long a batch waits for more callers.
	maxPatience = 5 * time.Millisecond
	// maxSkips is how many batches do not wait, at most, after one has in vain.
	maxSkips = 64
)

// await lets the callers of the last batch, which come back one after the other, into
// the next one: without it they would fall into two groups, each of which waits for
// the other's sync. It waits for twice what a commit takes at most, and less and
// less often if they do not come back.
func (l *Ledger) await(timer *time.Timer) {
	l.mu.Lock()
	wait := l.pending != nil && l.pending.callers < l.expecting
	if wait && l.skips > 0 {
		l.skips--
		wait = false
	}
	l.awaiting = wait
	l.mu.Unlock()
	if !wait {
		return
	}
	timer.Reset(min(2*l.took, maxPatience))
	select {
	case <-l.complete:
		l.skipNext = 1
	case <-timer.C:
		l.mu.Lock()
		l.skips = l.skipNext
		l.mu.Unlock()
		l.skipNext = min(2*l.skipNext, maxSkips)
	case <-l.closing:
	}
}

// commitPending commits one batch, gives the role back, and has the committer look
// after what came meanwhile.
func (l *Ledger) commitPending() {
	b := l.take()
	if b != nil {
		b.time = time.Now()
		b.err = l.commit(b)
		if l.config.syncInterval == 0 {
			l.took = time.Since(b.time)
		}
		l.settle(b)
	}
	l.role.Unlock()
	l.mu.Lock()
	more := l.pending != nil
	l.mu.Unlock()
	if more {
		poke(l.wake)
	}
}

// take ends the gathering of the pending batch, and decides where it goes.
func (l *Ledger) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.pending
	if b == nil {
		return nil
	}
	l.pending, l.awaiting = nil, false
	select {
	case <-l.complete: // it came too late
	default:
	}
	size := frameSize(int64(len(b.frame) - frameHeaderSize))
	if size > l.left {
		b.rotate = true
		l.left = l.config.segmentSize - segmentHeaderSize
		l.taken, l.spare = l.taken || l.spare, false
	}
	l.left -= size
	l.bytes += size
	if l.changed != nil {
		close(l.changed) // there is room to gather
		l.changed = nil
	}
	return b
}

// settle tells the batch's callers, and everybody else.
func (l *Ledger) settle(b *batch) {
	l.mu.Lock()
	l.expecting = b.callers
	if l.pending != nil {
		l.expecting += l.pending.callers
	}
	if b.err == nil && l.config.syncInterval == 0 {
		l.advance(l.next-1, l.end)
	}
	l.pairs.grown += int64(len(b.frame))
	due := l.pairs.grown >= l.pairs.due
	l.left = l.active.capacity - l.end
	if l.bad {
		l.left = 0
	}
	l.bytes = l.size()
	low := !l.spare && l.left < l.config.segmentSize/2
	if cap(b.frame) <= maxGather {
		l.frame = b.frame
	}
	b.settled = true
	done := b.done
	l.mu.Unlock()
	if done != nil {
		close(done)
	}
	if low {
		poke(l.tend)
	}
	if due {
		poke(l.pairs.wake)
	}
}

// size adds up what is written. mu and the role are held.
func (l *Ledger) size() int64 {
	total := l.end
	for _, e := range l.extents[:len(l.extents)-1] {
		total += e.end
	}
	return total
}

// advance says that entries up to seq are synced. mu is held.
func (l *Ledger) advance(seq uint64, end int64) {
	if seq < l.sound {
		return // another sync was quicker
	}
	l.sound, l.soundEnd = seq, end
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// commit writes the batch as a frame, in the next segment if it has to. The role is
// held.
func (l *Ledger) commit(b *batch) error {
	if err := l.watch(b.time); err != nil {
		return err
	}
	size := frameSize(int64(len(b.frame) - frameHeaderSize))
	for rotate := b.rotate || l.bad; rotate || l.end+size > l.active.capacity; rotate = false {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("ledger: nothing was stored: %w", err)
		}
	}
	b.first = l.next
	err := l.writeFrame(b)
	if err == nil {
		return nil
	}
	// The segment is not to be trusted any more. The next one voids the frame.
	l.bad = true
	again := l.rotate()
	if again == nil {
		b.frame = unsealFrame(b.frame)
		if again = l.writeFrame(b); again == nil {
			return nil
		}
		l.bad = true
	}
	return errors.Join(ErrMaybeStored, fmt.Errorf("ledger: writing a frame: %w", err), again)
}

// writeFrame appends the batch's frame to the active segment.
func (l *Ledger) writeFrame(b *batch) error {
	strict := l.config.syncInterval == 0
	h := frameHeader{kind: kindEntries, first: b.first, entries: uint32(b.entries), sound: l.end, time: b.time.UnixNano()}
	if !strict {
		l.mu.Lock()
		h.sound = l.soundEnd
		l.mu.Unlock()
	}
	b.frame = sealFrame(b.frame, h, l.active.place(l.end))
	_, err := l.active.file.WriteAt(b.frame, l.end)
	if err == nil && strict {
		err = l.active.sync()
	}
	if err != nil {
		return err
	}
	l.end += int64(len(b.frame))
	l.next += uint64(b.entries)
	return nil
}

// watchInterval is how often the ledger looks whether its file is still there.
const watchInterval = time.Second

// watch notices that the active segment was removed or replaced.
func (l *Ledger) watch(t time.Time) error {
	if t.Sub(l.watched) < watchInterval && t.After(l.watched) {
		return nil
	}
	l.watched = t
	there, err := l.dir.Is(l.active.name(), l.active.file)
	if err != nil || there {
		return nil //nolint:nilerr // it cannot be told now; the next commit asks again
	}
	gone := &CorruptError{
		Segment: l.active.name(), From: l.active.first, To: l.next - 1,
		Reason: "it was removed or replaced while it was open",
	}
	l.fail(gone)
	return gone
}
