package ledger

import (
	"errors"
	"fmt"
	"io/fs"
)

const (
	spareFile  = "spare"  // zeros for the next segment, made ahead of time
	urgentFile = "urgent" // zeros for one that could not wait
)

// rotate makes the next segment the active one. planned says that the spare was set
// aside for this. Where it fails, the active segment stays, but a number is used up.
// The role is held.
func (l *Ledger) rotate(planned bool) error {
	zeros, err := l.zeros(planned)
	if err != nil {
		return err
	}
	end, next := l.end, l.next
	if l.config.syncInterval > 0 {
		if !l.bad && l.active.file.Sync() == nil {
			l.mu.Lock()
			l.advance(l.next-1, l.end)
			l.mu.Unlock()
		} else {
			// What was acknowledged since the last sync may be gone from the file.
			l.mu.Lock()
			end, next = l.soundEnd, l.sound+1
			l.mu.Unlock()
		}
	}
	before, beforeEnd := l.active, l.end
	if err := l.activate(zeros, end, next); err != nil {
		return errors.Join(err, l.discard(zeros))
	}
	if end < beforeEnd {
		if err := l.rescue(before, end, beforeEnd); err != nil {
			l.fail(errors.Join(ErrMaybeStored, err))
			return err
		}
	}
	_ = before.file.Close() // what it holds is synced
	return nil
}

// zeros returns the name of a file of zeros to make a segment of.
func (l *Ledger) zeros(planned bool) (string, error) {
	l.mu.Lock()
	planned = planned || l.spare
	l.spare = false
	l.mu.Unlock()
	if planned {
		return spareFile, nil
	}
	if err := l.discard(urgentFile); err != nil {
		return "", err
	}
	if err := makeZeros(l.dir, urgentFile, l.config.segmentSize); err != nil {
		return "", errors.Join(err, l.discard(urgentFile))
	}
	return urgentFile, nil
}

// discard removes a file that may not be there.
func (l *Ledger) discard(name string) error {
	if err := l.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// activate makes a segment of the zeros, which continues the active one behind end.
func (l *Ledger) activate(zeros string, end int64, next uint64) error {
	l.number++
	h := segmentHeader{
		ledger: l.id, number: l.number, first: next, capacity: l.config.segmentSize,
		previous: l.active.number, previousEnd: end, created: now(),
	}
	void := end == segmentHeaderSize // it holds nothing, and is skipped
	if void {
		h.previous, h.previousEnd = l.active.previous, l.active.previousEnd
	}
	s, err := adopt(l.dir, zeros, h)
	if err != nil {
		return err
	}
	if err := l.writeState(func(s *state) { s.newest = h.number }); err != nil {
		return errors.Join(err, s.file.Close())
	}
	l.active, l.end, l.next, l.bad = s, segmentHeaderSize, next, false

	l.mu.Lock()
	defer l.mu.Unlock()
	last := &l.extents[len(l.extents)-1]
	fresh := extent{number: h.number, first: h.first}
	if void {
		*last = fresh
	} else {
		last.next, last.end, last.sealed = h.first, h.previousEnd, h.created
		l.extents = append(l.extents, fresh)
	}
	l.advance(next-1, l.end)
	poke(l.tend)
	return nil
}

// rescue copies the frames of a segment from start to end, which were acknowledged
// without having been synced, to the active segment.
func (l *Ledger) rescue(from *segment, start, end int64) error {
	frames := newScanner(from, end)
	frames.offset, frames.next = start, l.next
	for {
		more, err := frames.scan()
		if err != nil {
			return fmt.Errorf("ledger: entries from %d on, which were acknowledged before they were synced, are lost: %w", l.next, err)
		}
		if !more {
			break
		}
		b := batch{frame: unsealFrame(append([]byte(nil), frames.frame...)), first: l.next, entries: int(frames.header.entries)}
		if err := l.writeFrame(&b); err != nil {
			return err
		}
	}
	if err := l.active.file.Sync(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(l.next-1, l.end)
	return nil
}
