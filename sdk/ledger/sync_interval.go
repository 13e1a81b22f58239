package ledger

import (
	"errors"
	"time"
)

// syncLoop syncs at the interval of WithSyncInterval. It runs in its own goroutine.
func (l *Ledger) syncLoop() {
	ticker := time.NewTicker(l.config.syncInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = l.syncActive() // retried; callers of Append get the error meanwhile
		case <-l.closing:
			return
		}
	}
}

// syncActive syncs what was written, and writes a mark that records it.
func (l *Ledger) syncActive() error {
	l.writeMu.Lock()
	s, end, next := l.active, l.end, l.next
	l.mu.Lock()
	done := l.synced == next-1
	l.mu.Unlock()
	if !done && l.activeFailed {
		defer l.writeMu.Unlock()
		return l.moveOn()
	}
	l.writeMu.Unlock()
	if done {
		return nil
	}
	err := s.sync() // writes continue meanwhile

	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	switch {
	case l.active != s: // rotate synced and verified it, and retention may have removed it
		return l.verifyActive()
	case err != nil:
		l.activeFailed = true
		return l.moveOn()
	}
	if err := l.verifyActive(); err != nil {
		return err
	}
	l.mu.Lock()
	l.advanceSynced(next-1, end)
	l.mu.Unlock()
	return l.writeMark()
}

// writeMark writes a mark with the offset up to which the segment is synced, if there
// is room.
func (l *Ledger) writeMark() error {
	size := frameSize(0)
	l.mu.Lock()
	fits := !l.activeFailed && l.room >= size && l.end+size <= l.active.capacity
	syncedEnd := l.syncedEnd
	if fits {
		l.room -= size
	}
	l.mu.Unlock()
	if !fits {
		return nil
	}
	h := frameHeader{kind: kindMark, first: l.next, syncedEnd: syncedEnd, time: now()}
	h.padding = l.padding(l.end, size, l.active.capacity)
	frame := sealFrame(make([]byte, frameHeaderSize, size), h, l.active.location(l.end))
	if _, err := l.active.file.WriteAt(frame, l.end); err != nil {
		l.activeFailed = true
		return l.moveOn()
	}
	l.end += int64(len(frame))
	return nil
}

// moveOn is rotate between two commits. It also verifies the new segment, which may hold
// entries of the last one. writeMu is held.
func (l *Ledger) moveOn() error {
	err := l.rotate()
	if err == nil {
		err = l.verifyActive()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measure()
	if err == nil {
		broadcast(&l.moreRoom) // callers that are woken in vain would wake this again
	}
	return err
}

// Sync makes all entries durable that were appended before the call. Without
// WithSyncInterval they already are, and Sync does nothing.
func (l *Ledger) Sync() error {
	if l.config.syncInterval == 0 {
		return nil
	}
	l.mu.Lock()
	err, reported := l.checkWritable(), l.dropped.reported
	l.mu.Unlock()
	if err != nil {
		return err
	}
	err = errors.Join(l.syncActive(), l.droppedSince(reported))
	return nameDir(err, l.dir.Path())
}

// droppedEntries is what is known of entries that were acknowledged but not synced, and
// that the system dropped. A reader and the next scrub find them missing. The callers of
// Sync get an error at once, those that wait and otherwise the next one.
type droppedEntries struct {
	count    int   // how often that has happened
	reported int   // the part of count that a caller knows
	err      error // names the last ones
}

func (l *Ledger) reportDropped(err *CorruptError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped.count++
	l.dropped.err = err
	notify(l.scrubWake)
}

// droppedSince returns an error if entries were dropped that had not been reported when
// reported was read.
func (l *Ledger) droppedSince(reported int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped.count == reported {
		return nil
	}
	l.dropped.reported = l.dropped.count
	return l.dropped.err
}
