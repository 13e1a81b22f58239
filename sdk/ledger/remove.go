package ledger

import "errors"

// ErrOwnRetention means that a ledger removes segments by itself, so nobody else can decide
// which are kept.
var ErrOwnRetention = errors.New("ledger: WithRetention removes segments although somebody may want to keep them; open the ledger without it")

// RemoveBefore removes the oldest segments, as far as all of their entries come before the
// entry seq, every cursor has committed them, and they are not the newest segment. It returns
// the sequence number of the oldest entry that is left. If that is less than seq, call it again
// later. With zero it removes nothing, and returns the error of a ledger that cannot.
//
// A ledger that was opened with [WithRetention] removes segments by itself; then the error is
// ErrOwnRetention. What was removed cannot be read again. archive.Create keeps entries elsewhere
// first, and package archive/retention does both by a policy.
func (l *Ledger) RemoveBefore(seq uint64) (first uint64, err error) {
	l.mu.Lock()
	err = l.checkWritable()
	if err == nil && l.config.retain {
		err = ErrOwnRetention
	}
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
