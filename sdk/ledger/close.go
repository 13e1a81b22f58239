package ledger

import "errors"

// Close commits pending entries, records where the ledger ends, and unlocks the
// directory. The recorded end lets Open distinguish later damage from a crash. Close
// waits for a write or sync that hangs; a caller that cannot wait calls it in a
// goroutine. If the ledger failed earlier, Close returns that error.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.wakeWaiters()
	l.mu.Unlock()
	close(l.closing)
	l.goroutines.Wait()

	err := l.finish()
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	for _, c := range l.cursors {
		err = errors.Join(err, c.close())
	}
	return nameDir(errors.Join(err, l.dir.Close()), l.dir.Path())
}

// finish records the end and closes the files. The ledger's goroutines have returned.
func (l *Ledger) finish() error {
	l.mu.Lock()
	err, reported := l.failed, l.dropped.reported
	l.mu.Unlock()
	if err == nil && l.config.syncInterval > 0 {
		if err = l.syncActive(); err == nil {
			err = l.active.sync() // the mark that syncActive has written
		}
	}
	if err == nil {
		err = l.verify(l.active)
	}
	if err == nil && !l.activeFailed {
		err = l.writeState(func(s *state) { s.closed, s.end, s.next = true, l.end, l.next })
	}
	err = errors.Join(err, l.pairs.close(err == nil && !l.activeFailed))
	return errors.Join(err, l.droppedSince(reported), l.active.file.Close(), l.stateSlots.file.Close())
}
