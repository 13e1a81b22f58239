package ledger

import (
	"errors"
	"time"
)

// How long the keeper waits before it tries again, and before it looks whether
// something has become old enough to go.
const (
	keeperRetry = time.Second
	keeperRound = time.Minute
)

// keeper is the goroutine that makes the next segment ahead of time, and removes
// those that nobody needs.
func (l *Ledger) keeper() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.tend:
		case <-timer.C:
		case <-l.closing:
			return
		}
		wait := keeperRound
		err := errors.Join(l.removeOld(), l.makeSpare())
		if err != nil {
			wait = keeperRetry
		}
		l.mu.Lock()
		l.obstacle = err // is for who waits for room
		l.mu.Unlock()
		timer.Reset(wait)
	}
}

// makeSpare makes the zeros of the next segment, once half of the active one is used
// or somebody waits.
func (l *Ledger) makeSpare() error {
	l.mu.Lock()
	full := l.config.maxSize > 0 && l.bytes+l.config.segmentSize > l.config.maxSize
	needed := !l.spare && !l.taken && !full && (l.left < l.config.segmentSize/2 || l.changed != nil)
	l.mu.Unlock()
	if !needed {
		return nil
	}
	const temporary = spareFile + temporarySuffix
	err := errors.Join(discard(l.dir, temporary), discard(l.dir, spareFile)) // left by a failure
	if err == nil {
		err = makeZeros(l.dir, temporary, l.config.segmentSize)
	}
	if err == nil {
		err = l.dir.Rename(temporary, spareFile)
	}
	if err != nil {
		return errors.Join(err, discard(l.dir, temporary))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare = true
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return nil
}

// removeOld removes the oldest segments as far as cursors and retention allow. That
// they are gone is written down first, so that they are not missed.
func (l *Ledger) removeOld() error {
	l.mu.Lock()
	old := l.removable()
	var floor extent
	if len(old) > 0 {
		floor = l.extents[len(old)]
	}
	l.mu.Unlock()
	if len(old) == 0 {
		return nil
	}
	if err := l.writeState(func(s *state) { s.oldest, s.first = floor.number, floor.first }); err != nil {
		return err
	}
	names, err := l.dir.List()
	for _, number := range segmentFiles(names) { // also those that are void
		if number < floor.number {
			err = errors.Join(err, discard(l.dir, segmentName(number)))
		}
	}
	err = errors.Join(err, l.dir.Sync())
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range old {
		l.bytes -= e.end
	}
	l.extents = l.extents[len(old):]
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return err
}

// removable returns the oldest segments that may go. The last one stays. mu is held.
func (l *Ledger) removable() []extent {
	if !l.config.retain {
		return nil
	}
	passed := min(l.sound, l.pairs.saved)
	for _, c := range l.cursors {
		passed = min(passed, c.committed)
	}
	bytes, n := l.bytes, 0
	for _, e := range l.extents[:len(l.extents)-1] {
		byAge := l.config.retainAge > 0 && now()-e.sealed > int64(l.config.retainAge)
		bySize := l.config.retainSize > 0 && bytes > l.config.retainSize
		nothing := l.config.retainAge == 0 && l.config.retainSize == 0
		if e.next-1 > passed || !byAge && !bySize && !nothing {
			break
		}
		bytes -= e.end
		n++
	}
	return l.extents[:n:n]
}
