package ledger

import (
	"errors"
	"time"
)

// maintainLoop creates the file of the next segment ahead of time, and removes
// segments as WithRetention allows. It runs in its own goroutine.
func (l *Ledger) maintainLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.maintainWake:
		case <-timer.C:
		case <-l.closing:
			return
		}
		wait := maintainInterval
		err := l.verify(nil) // also while nothing is appended
		if err == nil {
			err = errors.Join(l.removeOld(), l.makeSpare(), l.storeAge())
		}
		if err != nil {
			wait = maintainRetry
		}
		l.mu.Lock()
		l.maintainErr = err // reported to callers that wait for room
		l.mu.Unlock()
		timer.Reset(wait)
	}
}

// storeAge stores the age of the ledger, so that a crash loses little of it.
func (l *Ledger) storeAge() error {
	if l.config.retainAge == 0 {
		return nil
	}
	l.stateMu.Lock()
	stored := l.state.age
	l.stateMu.Unlock()
	if l.ages.least()-stored < storeAgeInterval {
		return nil
	}
	return l.writeState(func(*state) {})
}

// makeSpare creates the file of the next segment once the active one is half full, or
// a caller waits for room.
func (l *Ledger) makeSpare() error {
	l.mu.Lock()
	limit := l.maxBytes()
	full := limit > 0 && l.bytes+l.config.segmentSize > limit
	needed := !l.spareReady && !l.spareTaken && !full && (l.room < l.config.segmentSize/2 || l.moreRoom != nil)
	l.mu.Unlock()
	if !needed {
		return nil
	}
	const temporary = spareFileName + temporarySuffix
	err := errors.Join(removeIfExists(l.dir, temporary), removeIfExists(l.dir, spareFileName)) // left over from a failure
	if err == nil {
		err = createZeroFile(l.dir, temporary, l.config.segmentSize)
	}
	if err == nil {
		err = l.dir.Rename(temporary, spareFileName)
	}
	if err != nil {
		return l.writeError("create the next segment", errors.Join(err, removeIfExists(l.dir, temporary)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spareReady = true
	broadcast(&l.moreRoom)
	return nil
}

// removeOld removes the oldest segments as far as cursors and retention allow. It
// stores the new beginning of the ledger first, so a crash in between does not look
// like missing segments.
func (l *Ledger) removeOld() error { return l.removeSegments(l.removable) }

// removeSegments removes the oldest segments that choose returns. It is called with mu
// held.
func (l *Ledger) removeSegments(choose func() []extent) error {
	l.removeMu.Lock()
	defer l.removeMu.Unlock()
	l.mu.Lock()
	old := choose()
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
	l.mu.Lock()
	for _, e := range old {
		l.bytes -= e.end
	}
	l.extents, l.floor = l.extents[len(old):], floor.first // before the files go, so that no new cursor looks for them
	l.mu.Unlock()
	names, err := l.dir.List()
	for _, number := range segmentFiles(names) { // including void ones
		if number < floor.number {
			err = errors.Join(err, removeIfExists(l.dir, segmentName(number)))
		}
	}
	err = errors.Join(err, removeSidecars(l.dir, names, floor.number), l.dir.Sync())
	l.mu.Lock()
	defer l.mu.Unlock()
	broadcast(&l.moreRoom)
	return err
}

// removable returns the oldest extents that may be removed, never the last one. mu is
// held.
func (l *Ledger) removable() []extent {
	if !l.config.retain {
		return nil
	}
	passed := l.passed()
	bytes, n, age := l.bytes, 0, l.ages.least()
	for _, e := range l.extents[:len(l.extents)-1] {
		byAge := l.config.retainAge > 0 && age-e.sealedAge > l.config.retainAge
		bySize := l.config.retainSize > 0 && bytes > l.config.retainSize
		keepNone := l.config.retainAge == 0 && l.config.retainSize == 0
		if e.next-1 > passed || !byAge && !bySize && !keepNone {
			break
		}
		bytes -= e.end
		n++
	}
	return l.extents[:n:n]
}

// passed returns the last entry that nothing holds back: every cursor has committed it. mu is
// held.
func (l *Ledger) passed() uint64 {
	passed := min(l.synced, l.pairs.savedSeq)
	for _, c := range l.cursors {
		passed = min(passed, c.committed)
	}
	return passed
}
