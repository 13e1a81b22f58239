package ledger

import "time"

// syncer is the goroutine that syncs a ledger with a sync interval.
func (l *Ledger) syncer() {
	ticker := time.NewTicker(l.config.syncInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = l.syncActive() // is tried again, and whoever appends meanwhile has the error
		case <-l.closing:
			return
		}
	}
}

// syncActive syncs what was written, and marks in the file how far it is sound.
func (l *Ledger) syncActive() error {
	l.role.Lock()
	if l.bad {
		defer l.role.Unlock()
		return l.rotate()
	}
	s, end, next := l.active, l.end, l.next
	l.mu.Lock()
	done := end == l.soundEnd || end == l.markEnd // nothing but the mark is behind it
	l.mu.Unlock()
	l.role.Unlock()
	if done {
		return nil
	}
	err := s.sync() // others write meanwhile

	l.role.Lock()
	defer l.role.Unlock()
	if l.active != s {
		return nil // rotating synced it
	}
	if err != nil {
		l.bad = true
		return l.rotate()
	}
	l.mu.Lock()
	l.advance(next-1, end)
	l.mu.Unlock()
	return l.writeMark()
}

// writeMark says in the file how far it is sound, if there is room.
func (l *Ledger) writeMark() error {
	size := frameSize(0)
	l.mu.Lock()
	room := !l.bad && l.left >= size && l.end+size <= l.active.capacity
	sound := l.soundEnd
	if room {
		l.left -= size
	}
	l.mu.Unlock()
	if !room {
		return nil
	}
	h := frameHeader{kind: kindMark, first: l.next, sound: sound, time: now()}
	frame := sealFrame(make([]byte, frameHeaderSize, size), h, l.active.place(l.end))
	if _, err := l.active.file.WriteAt(frame, l.end); err != nil {
		l.bad = true
		return l.rotate()
	}
	l.end += size
	l.markEnd = l.end
	return nil
}
