package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// rotate makes a new segment the active one. On failure the active segment stays, but
// a segment number may be used up. writeMu is held.
func (l *Ledger) rotate() error {
	if l.config.syncInterval > 0 && !l.activeFailed && l.active.sync() != nil {
		l.activeFailed = true // it may have lost what was acknowledged since the last sync
	}
	if err := l.verify(l.active); err != nil { // after the sync; later, retention may remove it
		return err
	}
	sealed, err := l.sealActive()
	if err != nil {
		return err
	}
	zeroFile, err := l.takeZeroFile()
	if err != nil {
		return l.explain(err)
	}
	previous := l.active.file
	if err := l.activate(zeroFile, sealed); err != nil {
		l.activeFailed = true // the new segment may exist, and voids the active one after end
		err = errors.Join(err, removeIfExists(l.dir, zeroFile))
		l.mu.Lock()
		l.spareTaken = false
		l.mu.Unlock()
		notify(l.maintainWake)
		return l.explain(err)
	}
	_ = previous.Close() // everything before its end is synced
	if sealed.dropped == nil {
		return nil
	}
	l.reportDropped(sealed.dropped)
	if len(sealed.carried) == 0 {
		return nil
	}
	l.activeFailed = true // entries may be missing between two segments, never within one
	return l.rotate()
}

// explain returns a *LostError for an error that comes from a directory which is lost.
func (l *Ledger) explain(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if lost := l.verify(l.active); lost != nil {
		return lost
	}
	return err
}

// sealed is the end of a segment, and how the next one begins.
type sealed struct {
	end     int64
	first   uint64        // sequence number of the first entry of the next segment
	carried []byte        // frames that the next segment begins with
	dropped *CorruptError // names the entries after the carried ones, if they are lost
}

// sealActive decides where the active segment ends. If frames since the last sync may be
// lost, the segment ends before them, and the next one gets copies.
func (l *Ledger) sealActive() (sealed, error) {
	if l.config.syncInterval == 0 {
		return sealed{end: l.end, first: l.next}, nil
	}
	l.mu.Lock()
	if !l.activeFailed {
		l.advanceSynced(l.next-1, l.end)
	}
	s := sealed{end: l.syncedEnd, first: l.synced + 1}
	l.mu.Unlock()
	if !l.activeFailed {
		return s, nil
	}
	var err error
	if s.carried, s.dropped, err = l.unsyncedFrames(s.end, s.first); err != nil {
		return s, err
	}
	if len(s.carried) == 0 {
		s.first = l.next
	}
	return s, nil
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

// activate turns the file of zeros into the segment that follows the sealed one, and makes
// it active.
func (l *Ledger) activate(zeroFile string, seal sealed) error {
	l.lastNumber++
	h := segmentHeader{
		ledger: l.id, number: l.lastNumber, first: seal.first, capacity: l.config.segmentSize,
		previous: l.active.number, previousEnd: seal.end, created: now(), age: l.ages.most(),
	}
	empty := seal.end == segmentHeaderSize // the active segment holds nothing, and is skipped
	if empty {
		h.previous, h.previousEnd = l.active.previous, l.active.previousEnd
	}
	s, err := createSegment(l.dir, zeroFile, h, seal.carried)
	if err != nil {
		return err
	}
	if err := l.writeState(func(s *state) { s.newest = h.number }); err != nil {
		return errors.Join(err, s.file.Close())
	}
	l.active, l.end, l.activeFailed = s, segmentHeaderSize+int64(len(seal.carried)), false

	l.mu.Lock()
	defer l.mu.Unlock()
	last := &l.extents[len(l.extents)-1]
	fresh := extent{number: h.number, first: h.first}
	if empty {
		*last = fresh
	} else {
		last.next, last.end, last.sealed, last.sealedAge = h.first, h.previousEnd, h.created, h.age
		last.open = false
		l.extents = append(l.extents, fresh)
	}
	l.spareTaken = false
	l.advanceSynced(l.next-1, l.end)
	l.wakeKeeper(l.end, true)
	notify(l.maintainWake)
	return nil
}

// unsyncedFrames returns the frames of the active segment from offset start on, sealed
// for the next segment. They were acknowledged but not synced. dropped names those that can
// no longer be read, if any: a system may drop what it failed to write.
func (l *Ledger) unsyncedFrames(start int64, first uint64) (carried []byte, dropped *CorruptError, err error) {
	frames := newScanner(l.active, l.end)
	frames.offset, frames.next = start, first
	for {
		found, err := frames.scan()
		if next := frames.next; isCorrupt(err) || errors.Is(err, errTorn) {
			found, err = frames.skipToNextFrame()
			if found && frames.next == next {
				continue // only a mark is lost
			}
			frames.next, found = next, false
		}
		if err != nil {
			return nil, nil, fmt.Errorf("ledger: entries from %d on were acknowledged but not synced, and cannot be read: %w", frames.next, err)
		}
		if !found {
			if frames.next < l.next {
				dropped = frames.corrupt(frames.offset, "a sync failed, and the system dropped what had been acknowledged since the last one")
				dropped.First, dropped.Last = frames.next, l.next-1
			}
			return carried, dropped, nil
		}
		at := location{ledger: l.id, segment: l.lastNumber + 1, offset: segmentHeaderSize + int64(len(carried))}
		h := frames.header
		h.syncedEnd, h.flags = segmentHeaderSize, 0
		h.padding = l.padding(at.offset, frameSize(int64(h.body)), l.config.segmentSize)
		carried = append(carried, sealFrame(unsealFrame(bytes.Clone(frames.frame)), h, at)...)
	}
}
