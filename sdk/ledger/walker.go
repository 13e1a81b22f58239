package ledger

import (
	"errors"
	"time"
)

// source provides the segments that a walker reads.
type source interface {
	// find returns the extent that holds seq, or else the next one, and the sequence
	// number of the oldest entry that was not removed. ok is false if there is nothing
	// to read yet. refresh is true if what find returned last may have changed: the
	// extent was removed or has been read, or there was none.
	find(seq uint64, refresh bool) (e extent, floor uint64, ok bool, err error)
	// open opens the segment of an extent. It returns errSegmentRemoved if retention has
	// removed it.
	open(e extent) (*segment, error)
}

// walker reads the frames of a ledger across segments, and skips damage.
type walker struct {
	source     source
	waypoints  *waypoints // nil: none
	zeros      *zeros     // nil: all zeros at an open end are read each time
	next       uint64     // sequence number of the next entry
	started    bool       // next was promised: entries from there on must not be skipped silently
	current    extent
	scanner    *scanner // of the current extent; nil between extents
	written    int64    // commit time of the last frame, or 0
	unreadable bool     // the rest of the last segment cannot be read
}

// walk returns the next frame that holds entries from next on. ok is false if there is
// none yet. After a *CorruptError or a *RemovedError, the next call continues after the
// entries that it names.
func (w *walker) walk() (frame []byte, h frameHeader, ok bool, err error) {
	for {
		if w.scanner == nil {
			if ok, err := w.openNext(); !ok || err != nil {
				return nil, h, false, err
			}
		}
		found, err := false, error(nil)
		if !w.atLooseEnd() {
			found, err = w.scan()
		}
		switch {
		case found:
			h = w.scanner.header
			w.written = h.time
			w.waypoints.add(w.current.number, w.scanner)
			if h.last() < w.next {
				continue // before next
			}
			w.next, w.started = h.last()+1, true
			return w.scanner.frame, h, true, nil
		case w.atOpenEnd(err):
			ok, err = w.checkForMore()
		default:
			err = w.finishSegment(err)
			ok = err == nil
		}
		if !ok || err != nil {
			return nil, h, false, err
		}
	}
}

// frame returns the frame that walk returned last.
func (w *walker) frame(frame []byte, h *frameHeader) Frame {
	return newFrame(w.scanner.segment.ledger, w.current.number, w.scanner.offset-h.size(), frame, h)
}

// A segment may be read while it is written. How often apparent damage at its end is read
// again, and the first pause, which then doubles.
const (
	rereadAttempts = 10
	rereadPause    = time.Millisecond
)

// scan scans the next frame. Where nobody knows how far the segment was written, its last
// frame may be written at the same time, so that parts of what was read are older than
// others; scan then reads again.
func (w *walker) scan() (bool, error) {
	s := w.scanner
	if !w.current.open || w.current.next != 0 {
		return s.scan()
	}
	if !s.endsInBuffer() {
		if found, err := s.scan(); found {
			return found, err
		}
	}
	s.discardBuffer()
	found, err := s.scan()
	if !isCorrupt(err) {
		return found, err
	}
	_, follower, _ := s.findFrame(s.offset + frameAlign)
	for attempt := range rereadAttempts {
		if follower == nil { // otherwise the frame was complete when that one was written
			time.Sleep(rereadPause << attempt)
		}
		s.discardBuffer()
		if found, err = s.scan(); !isCorrupt(err) || follower != nil {
			break
		}
	}
	return found, err
}

// openNext opens the segment that holds the next entry. It returns false if there is
// nothing to read.
func (w *walker) openNext() (bool, error) {
	if w.unreadable {
		return false, nil
	}
	e, floor, ok, err := w.source.find(w.next, false)
	var s *segment
	for refreshed := false; err == nil; refreshed = true {
		if ok {
			if s, err = w.source.open(e); !errors.Is(err, errSegmentRemoved) {
				break
			}
		} else if refreshed {
			break
		}
		e, floor, ok, err = w.source.find(w.next, true)
	}
	corrupt, damaged := errors.AsType[*CorruptError](err)
	if err != nil && !damaged {
		return false, err
	}
	if err := w.raiseTo(floor); err != nil {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
		return false, err
	}
	switch {
	case damaged:
		return false, w.skipExtent(e, corrupt)
	case !ok:
		return false, nil
	}
	w.current, w.scanner = e, newScanner(s, e.end)
	if e.open && e.next == 0 {
		w.scanner.zeros = w.zeros
	}
	if gap := e.first; gap > w.next { // the entries between are missing
		return false, w.lose(missingSegment(e.number-1), w.next, gap, 0)
	}
	w.waypoints.seek(w.scanner, w.next)
	return true, nil
}

// raiseTo continues at the oldest entry that was not removed, if that is later.
func (w *walker) raiseTo(floor uint64) error {
	first := w.next
	if floor <= first {
		return nil
	}
	w.next = floor
	if !w.started {
		return nil
	}
	return &RemovedError{First: first, Last: floor - 1}
}

// skipExtent moves past an extent that cannot be opened.
func (w *walker) skipExtent(e extent, damage *CorruptError) error {
	if e.next == 0 {
		w.unreadable = true
	}
	return w.lose(damage, w.next, e.next, e.sealed)
}

// atLooseEnd reports whether the scanner has reached the end of an extent that is known by
// its sequence numbers only.
func (w *walker) atLooseEnd() bool { return w.current.loose && w.scanner.next >= w.current.next }

// atOpenEnd reports whether a scan that ended with err has reached the end of what was
// written so far to a segment that may grow.
func (w *walker) atOpenEnd(err error) bool {
	switch e := w.current; {
	case !e.open:
		return false
	case e.next == 0:
		return err == nil || errors.Is(err, errTorn)
	default:
		return err == nil && w.scanner.offset >= e.end && w.scanner.next >= e.next
	}
}

// checkForMore is called at the end of the last extent. It reports whether there is
// more to read now.
func (w *walker) checkForMore() (bool, error) {
	e, _, ok, err := w.source.find(w.scanner.next, true)
	if !ok || err != nil {
		return false, err
	}
	if e.number != w.current.number {
		return true, w.closeSegment()
	}
	changed := e != w.current
	w.current, w.scanner.end = e, e.end
	w.scanner.discardBuffer() // it may hold the zeros that were there before
	return changed, nil
}

// finishSegment is called when scanning an extent has ended with err. It moves to the
// next extent, or returns damage.
func (w *walker) finishSegment(err error) error {
	s := w.scanner
	corrupt, ok := errors.AsType[*CorruptError](err)
	switch {
	case ok:
		return w.skipDamage(corrupt)
	case err != nil && !errors.Is(err, errTorn):
		return err
	case err != nil || s.offset < w.current.end && !w.atLooseEnd() || s.next < w.current.next:
		return w.skipDamage(s.corrupt(s.offset, "frames are missing"))
	}
	w.next = max(w.next, w.current.next)
	return w.closeSegment()
}

// closeSegment closes the current segment.
func (w *walker) closeSegment() error {
	if w.scanner == nil {
		return nil
	}
	err := w.scanner.segment.file.Close()
	w.scanner = nil
	return err
}

// skipDamage moves past the damage at the scanner's offset, and returns it with the
// sequence numbers that cannot be read.
func (w *walker) skipDamage(damage *CorruptError) error {
	s, from, before := w.scanner, w.scanner.next, w.current.sealed
	found := damage.First != 0 // the frame at the offset is intact, but those before it are missing
	if found {
		s.next = damage.Last + 1
	} else {
		var err error
		if found, err = s.skipToNextFrame(); err != nil {
			return err
		}
	}
	to := s.next
	if found {
		if h, ok := s.headerAtOffset(); ok {
			before = h.time
		}
	} else if to = w.current.next; to != 0 {
		s.offset, s.next = max(s.offset, w.current.end), to
	} else {
		w.unreadable = true
		if err := w.closeSegment(); err != nil {
			return err
		}
	}
	return w.lose(damage, from, to, before)
}

// lose moves to the entry to, or nowhere if that is 0 because the end is unknown. It
// returns the damage with the entries that are lost: those between from and to that are
// not before next. They were written before a time, if that is not 0. If there are none,
// the error is nil.
func (w *walker) lose(damage *CorruptError, from, to uint64, before int64) error {
	lost := *damage
	lost.First, lost.Last = max(from, w.next), 0
	lost.After, lost.Before = timeOf(w.written), timeOf(before)
	if to != 0 {
		if to <= lost.First {
			return nil
		}
		lost.Last = to - 1
		w.next = to
	}
	w.started = true
	return &lost
}

// timeOf returns the time of a frame or a segment, or the zero time.
func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[*CorruptError](err)
	return ok
}
