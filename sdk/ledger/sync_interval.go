package ledger

import "time"

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
		return l.rotate()
	}
	l.writeMu.Unlock()
	if done {
		return nil
	}
	err := s.sync() // writes continue meanwhile

	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	if l.active != s {
		return nil // rotate synced and verified it, and retention may have removed it
	}
	if err != nil {
		l.activeFailed = true
		return l.rotate()
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
		return l.rotate()
	}
	l.end += int64(len(frame))
	return nil
}

// Sync makes all entries durable that were appended before the call. Without
// WithSyncInterval they already are, and Sync does nothing.
func (l *Ledger) Sync() error {
	if l.config.syncInterval == 0 {
		return nil
	}
	l.mu.Lock()
	err := l.checkWritable()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return nameDir(l.syncActive(), l.dir.Path())
}
