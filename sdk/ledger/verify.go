package ledger

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ownership is what a writer needs to notice that another one took over.
type ownership struct {
	id         ownerID
	generation atomic.Uint64 // of the last state that this writer stored

	mu     sync.Mutex // guards buffer
	buffer [slotSize + slotHeaderSize + maxSlotValue + 4]byte
}

// verifyIdle is how long a commit relies on the last one's verification, and how long a
// look at the links of lock and state suffices. It is shorter than takeoverPause.
const verifyIdle = 10 * time.Millisecond

// verify returns nil if the directory's path still leads to the lock, the state and the
// segment, and no other writer has opened the ledger. A nil segment is not checked. If the
// files or the ownership are lost, the ledger fails and the error is a *LostError.
//
// What was written before verify began is then in a file that the next Open finds: a
// writer that takes over stores its own ID in the state before it reads the segments.
//
// Nothing is written once the ledger has failed: the next writer may have read what is
// there.
func (l *Ledger) verify(s *segment) error {
	err := l.failure()
	if err == nil {
		err = l.dir.VerifyLock()
	}
	if err == nil {
		err = l.dir.Verify(stateFileName, l.stateSlots.file)
	}
	if err == nil && s != nil {
		err = l.dir.Verify(s.name(), s.file)
	}
	if err == nil {
		err = l.verifyOwner()
	}
	return l.failIfLost(err)
}

// verifyBeforeWrite verifies the active segment unless the last commit has just done so.
// writeMu is held.
func (l *Ledger) verifyBeforeWrite(now time.Time) error {
	if now.Sub(l.verified) <= verifyIdle {
		return l.failure()
	}
	return l.verifyActive()
}

// failure returns why the ledger has failed, or nil.
func (l *Ledger) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// verifyWritten verifies that the active segment, to which a frame was written, is one
// that the next Open finds. If the frame was not synced, the caller accepts a loss, and a
// look at the links suffices most of the time: a file that has one can be found.
//
// If it was synced, the path of the segment is compared each time, and the owner. Links of
// lock and state suffice most of the time: a writer that finds neither the lock nor the
// state, because both were renamed, waits for longer than that before it reads the
// segments. writeMu is held.
func (l *Ledger) verifyWritten(synced bool) error {
	now := time.Now()
	if now.Sub(l.verifiedPaths) > verifyIdle {
		return l.verifyActive()
	}
	if !synced {
		return l.failIfLost(l.dir.VerifyLinks(l.active.name(), l.active.file))
	}
	err := l.dir.VerifyLinks(stateFileName, l.stateSlots.file)
	if err == nil {
		err = l.dir.Verify(l.active.name(), l.active.file)
	}
	if err == nil {
		err = l.verifyOwner()
	}
	if err == nil {
		l.verified = now
	}
	return l.failIfLost(err)
}

// verifyActive verifies the active segment. writeMu is held.
func (l *Ledger) verifyActive() error {
	err := l.verify(l.active)
	if err == nil {
		l.verified = time.Now()
		l.verifiedPaths = l.verified
	}
	return err
}

// failIfLost makes the ledger fail if err is a *LostError.
func (l *Ledger) failIfLost(err error) error {
	if _, ok := errors.AsType[*LostError](err); ok {
		return l.fail(err)
	}
	return err
}

// verifyOwner checks that the state was not stored by another writer. Only an intact
// slot of at least this writer's generation proves that; the older slot may be the last
// writer's, and a slot may be read while it is written.
func (l *Ledger) verifyOwner() error {
	o := &l.ownership
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := l.dir.Peek(stateFileName, l.stateSlots.file, o.buffer[:])
	if err != nil || n < len(o.buffer) { // if it is too short, the next Open reports it
		return err
	}
	for _, slot := range [][]byte{o.buffer[:slotSize], o.buffer[slotSize:]} {
		generation, value, ok := parseSlot(slot)
		if !ok || generation < o.generation.Load() {
			continue
		}
		if s, err := decodeState(value); err != nil || s.owner != o.id {
			lost := &LostError{Dir: l.dir.Path(), File: stateFileName, Reason: reasonOwner}
			return cmp.Or(l.dir.VerifyLock(), error(lost)) // the lock may have been removed meanwhile, which explains it
		}
	}
	return nil
}

// Err returns why the ledger stores nothing any more, or nil. After a *LostError, or
// Close, only opening the ledger again helps.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkWritable()
}
