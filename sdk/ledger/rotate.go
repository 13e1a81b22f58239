package ledger

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	spareFile  = "spare"  // zeros for the next segment, made ahead of time
	urgentFile = "urgent" // zeros for one that could not wait
)

// rotate makes the next segment the active one. Where it fails, the active segment
// stays, but a number is used up. The role is held.
func (l *Ledger) rotate() error {
	end, first, rescued, err := l.seal()
	if err != nil {
		return err
	}
	zeros, err := l.zeros()
	if err != nil {
		return err
	}
	before := l.active.file
	if err := l.activate(zeros, end, first, rescued); err != nil {
		l.bad = true // a segment may be there that continues it from end on
		err = errors.Join(err, discard(l.dir, zeros))
		l.mu.Lock()
		l.taken = false
		l.mu.Unlock()
		poke(l.tend)
		return err
	}
	_ = before.Close() // what counts of it is synced
	return nil
}

// seal returns where the next segment continues the active one, and with which entry:
// at its end, or where it is sound, and then the next one begins with the frames that
// are rescued.
func (l *Ledger) seal() (end int64, first uint64, rescued []byte, err error) {
	if l.config.syncInterval == 0 {
		return l.end, l.next, nil, nil
	}
	if !l.bad && l.active.sync() == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.advance(l.next-1, l.end)
		return l.end, l.next, nil, nil
	}
	// What was acknowledged since the last sync may be gone from the file.
	l.bad = true
	l.mu.Lock()
	end, first = l.soundEnd, l.sound+1
	l.mu.Unlock()
	rescued, err = l.rescue(end, first)
	return end, first, rescued, err
}

// zeros returns the name of a file of zeros to make a segment of.
func (l *Ledger) zeros() (string, error) {
	l.mu.Lock()
	taken := l.taken || l.spare
	l.taken, l.spare = taken, false
	l.mu.Unlock()
	if taken {
		return spareFile, nil
	}
	if err := discard(l.dir, urgentFile); err != nil {
		return "", err
	}
	if err := makeZeros(l.dir, urgentFile, l.config.segmentSize); err != nil {
		return "", errors.Join(err, discard(l.dir, urgentFile))
	}
	return urgentFile, nil
}

// activate makes a segment of the zeros, which continues the active one behind end
// with the frames that were rescued.
func (l *Ledger) activate(zeros string, end int64, first uint64, rescued []byte) error {
	l.number++
	h := segmentHeader{
		ledger: l.id, number: l.number, first: first, capacity: l.config.segmentSize,
		previous: l.active.number, previousEnd: end, created: now(),
	}
	void := end == segmentHeaderSize // it holds nothing, and is skipped
	if void {
		h.previous, h.previousEnd = l.active.previous, l.active.previousEnd
	}
	s, err := adopt(l.dir, zeros, h, rescued)
	if err != nil {
		return err
	}
	if err := l.writeState(func(s *state) { s.newest = h.number }); err != nil {
		return errors.Join(err, s.file.Close())
	}
	l.active, l.end, l.bad, l.markEnd = s, segmentHeaderSize+int64(len(rescued)), false, 0

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
	l.taken = false
	l.advance(l.next-1, l.end)
	poke(l.tend)
	return nil
}

// rescue returns the frames of the active segment from an offset on, which were
// acknowledged without having been synced, as they are to stand in the next segment.
func (l *Ledger) rescue(start int64, first uint64) ([]byte, error) {
	var rescued []byte
	frames := newScanner(l.active, l.end)
	frames.offset, frames.next = start, first
	for {
		more, err := frames.scan()
		if err != nil {
			return nil, fmt.Errorf("ledger: entries from %d on, which were acknowledged before they were synced, are lost: %w", frames.next, err)
		}
		if !more {
			return rescued, nil
		}
		at := place{ledger: l.id, segment: l.number + 1, offset: segmentHeaderSize + int64(len(rescued))}
		h := frames.header
		h.sound, h.flags = segmentHeaderSize, 0
		rescued = append(rescued, sealFrame(unsealFrame(bytes.Clone(frames.frame)), h, at)...)
	}
}
