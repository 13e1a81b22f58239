package ledger

import (
	"bytes"
	"errors"
	"fmt"
)

// rotate makes a new segment the active one. On failure the active segment stays, but
// a segment number may be used up. writeMu is held.
func (l *Ledger) rotate() error {
	if err := l.verify(l.active); err != nil {
		return err
	}
	end, first, carried, err := l.sealActive()
	if err != nil {
		return err
	}
	zeroFile, err := l.takeZeroFile()
	if err != nil {
		return err
	}
	previous := l.active.file
	if err := l.activate(zeroFile, end, first, carried); err != nil {
		l.activeFailed = true // the new segment may exist, and voids the active one after end
		err = errors.Join(err, removeIfExists(l.dir, zeroFile))
		l.mu.Lock()
		l.spareTaken = false
		l.mu.Unlock()
		notify(l.maintainWake)
		return err
	}
	_ = previous.Close() // everything before end is synced
	return nil
}

// sealActive returns where the active segment ends and the first sequence number of
// the next segment. If frames since the last sync may be lost, the segment ends before
// them, and carried holds copies for the next segment.
func (l *Ledger) sealActive() (end int64, first uint64, carried []byte, err error) {
	if l.config.syncInterval == 0 {
		return l.end, l.next, nil, nil
	}
	if !l.activeFailed && l.active.sync() == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.advanceSynced(l.next-1, l.end)
		return l.end, l.next, nil, nil
	}
	// The file may have lost what was acknowledged since the last sync.
	l.activeFailed = true
	l.mu.Lock()
	end, first = l.syncedEnd, l.synced+1
	l.mu.Unlock()
	carried, err = l.unsyncedFrames(end, first)
	return end, first, carried, err
}

// takeZeroFile returns the name of a file of zeros for the next segment: the spare, or
// a new one.
func (l *Ledger) takeZeroFile() (string, error) {
	l.mu.Lock()
	taken := l.spareTaken || l.spareReady
	l.spareTaken, l.spareReady = taken, false
	l.mu.Unlock()
	if taken {
		return spareFileName, nil
	}
	if err := removeIfExists(l.dir, urgentFileName); err != nil {
		return "", err
	}
	if err := createZeroFile(l.dir, urgentFileName, l.config.segmentSize); err != nil {
		return "", l.writeError("create the next segment", errors.Join(err, removeIfExists(l.dir, urgentFileName)))
	}
	return urgentFileName, nil
}

// activate turns the file of zeros into a segment that begins with the carried frames,
// and makes it active. The previous segment ends at end.
func (l *Ledger) activate(zeroFile string, end int64, first uint64, carried []byte) error {
	l.lastNumber++
	h := segmentHeader{
		ledger: l.id, number: l.lastNumber, first: first, capacity: l.config.segmentSize,
		previous: l.active.number, previousEnd: end, created: now(), age: l.ages.most(),
	}
	empty := end == segmentHeaderSize // the active segment holds nothing, and is skipped
	if empty {
		h.previous, h.previousEnd = l.active.previous, l.active.previousEnd
	}
	s, err := createSegment(l.dir, zeroFile, h, carried)
	if err != nil {
		return err
	}
	if err := l.writeState(func(s *state) { s.newest = h.number }); err != nil {
		return errors.Join(err, s.file.Close())
	}
	l.active, l.end, l.activeFailed = s, segmentHeaderSize+int64(len(carried)), false

	l.mu.Lock()
	defer l.mu.Unlock()
	last := &l.extents[len(l.extents)-1]
	fresh := extent{number: h.number, first: h.first}
	if empty {
		*last = fresh
	} else {
		last.next, last.end, last.sealed, last.sealedAge = h.first, h.previousEnd, h.created, h.age
		l.extents = append(l.extents, fresh)
	}
	l.spareTaken = false
	l.advanceSynced(l.next-1, l.end)
	notify(l.maintainWake)
	return nil
}

// unsyncedFrames returns the frames of the active segment from offset start on, sealed
// for the next segment. They were acknowledged but not synced.
func (l *Ledger) unsyncedFrames(start int64, first uint64) ([]byte, error) {
	var carried []byte
	frames := newScanner(l.active, l.end)
	frames.offset, frames.next = start, first
	for {
		found, err := frames.scan()
		if err != nil {
			return nil, fmt.Errorf("ledger: lost entries from %d on, which were acknowledged but not synced: %w", frames.next, err)
		}
		if !found {
			return carried, nil
		}
		at := location{ledger: l.id, segment: l.lastNumber + 1, offset: segmentHeaderSize + int64(len(carried))}
		h := frames.header
		h.syncedEnd, h.flags = segmentHeaderSize, 0
		h.padding = l.padding(at.offset, frameSize(int64(h.body)), l.config.segmentSize)
		carried = append(carried, sealFrame(unsealFrame(bytes.Clone(frames.frame)), h, at)...)
	}
}
