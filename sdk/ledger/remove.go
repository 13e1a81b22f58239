package ledger

// RemoveBefore removes the oldest segments, as far as all of their entries come before the
// entry seq, every cursor has committed them, and they are not the newest segment. It does so
// without [WithRetention] too, and returns the sequence number of the oldest entry that is
// left. If that is less than seq, call it again later.
//
// What was removed cannot be read again. archive.Create keeps entries elsewhere first.
func (l *Ledger) RemoveBefore(seq uint64) (first uint64, err error) {
	l.mu.Lock()
	err = l.checkWritable()
	l.mu.Unlock()
	if err == nil {
		err = l.verify(nil)
	}
	if err == nil {
		err = l.removeSegments(func() []extent { return l.removableBefore(seq) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.extents[0].first, nameDir(err, l.dir.Path())
}

// removableBefore returns the oldest extents whose entries all come before one, never the
// last extent. mu is held.
func (l *Ledger) removableBefore(seq uint64) []extent {
	passed, n := l.passed(), 0
	for _, e := range l.extents[:len(l.extents)-1] {
		if e.next > seq || e.next-1 > passed {
			break
		}
		n++
	}
	return l.extents[:n:n]
}
