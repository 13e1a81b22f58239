package ledger

import "time"

// syncer is the goroutine that syncs a ledger with a sync interval.
func (l *Ledger) syncer() {
	ticker := time.NewTicker(l.config.syncInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := l.syncActive(); err != nil {
				l.fail(err)
				return
			}
		case <-l.closing:
			return
		}
	}
}

// syncActive syncs what was written, and marks in the file how far it is sound.
func (l *Ledger) syncActive() error {
	l.role.Lock()
	s, end, next := l.active, l.end, l.next
	l.mu.Lock()
	sound := l.soundEnd
	l.mu.Unlock()
	l.role.Unlock()
	if end == sound {
		return nil
	}
	err := s.file.Sync() // others write meanwhile

	l.role.Lock()
	defer l.role.Unlock()
	if l.active != s {
		return nil // rotating synced it
	}
	if err != nil {
		l.bad = true
		return l.rotate(false)
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
		return l.rotate(false)
	}
	l.end += size
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sound == l.next-1 {
		l.soundEnd = l.end // nothing but the mark is behind what is synced
	}
	return nil
}
