package ledger

import (
	"errors"
	"time"
)

// source provides the segments that a walker reads.
type source interface {
	// find returns the extent that holds seq, or else the next one, and the sequence
	// number of the oldest entry that was not removed. ok is false if there is nothing
	// to read yet. refresh is true if the extent returned last was removed or has been
	// read.
	find(seq uint64, refresh bool) (e extent, floor uint64, ok bool, err error)
	// open opens the segment with the given number. It returns errSegmentRemoved if
	// retention has removed it.
	open(number uint64) (*segment, error)
}

// walker reads the frames of a ledger across segments, and skips damage.
type walker struct {
	source     source
	next       uint64 // sequence number of the next entry
	current    extent
	scanner    *scanner // of the current extent; nil between extents
	unreadable bool     // the rest of the last segment cannot be read
}

// walk returns the next frame that holds entries from next on. ok is false if there is
// none yet. After a *CorruptError, the next call continues after the damage.
func (w *walker) walk() (frame []byte, h frameHeader, ok bool, err error) {
	for {
		if w.scanner == nil {
			if ok, err := w.openNext(); !ok || err != nil {
				return nil, h, false, err
			}
		}
		found, err := w.scan()
		if found {
			if h = w.scanner.header; h.last() < w.next {
				continue // before next
			}
			w.next = h.last() + 1
			return w.scanner.frame, h, true, nil
		}
		if w.current.next == 0 && (err == nil || errors.Is(err, errTorn)) {
			ok, err = w.checkForMore()
		} else {
			err = w.finishSegment(err)
			ok = err == nil
		}
		if !ok || err != nil {
			return nil, h, false, err
		}
	}
}

// The last segment may be read while it is written. How often apparent damage there is
// read again, and the first pause, which then doubles.
const (
	rereadAttempts = 8
	rereadPause    = time.Millisecond
)

// scan scans the next frame. In the last segment a frame may be written at the same
// time, so that parts of what was read are older than others; scan then reads again.
func (w *walker) scan() (bool, error) {
	found, err := w.scanner.scan()
	if found || w.current.next != 0 {
		return found, err
	}
	w.scanner.discardBuffer()
	found, err = w.scanner.scan()
	for attempt := range rereadAttempts {
		if _, corrupt := errors.AsType[*CorruptError](err); !corrupt {
			break
		}
		time.Sleep(rereadPause << attempt)
		w.scanner.discardBuffer()
		found, err = w.scanner.scan()
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
	for ok && err == nil {
		s, err = w.source.open(e.number)
		if !errors.Is(err, errSegmentRemoved) {
			break
		}
		e, floor, ok, err = w.source.find(w.next, true)
	}
	if !ok && err == nil {
		return false, nil
	}
	w.next = max(w.next, floor)
	corrupt, damaged := errors.AsType[*CorruptError](err)
	switch {
	case damaged:
		w.unreadable = e.next == 0
		lost := *corrupt
		if e.next != 0 {
			lost.First, lost.Last = w.next, e.next-1
			w.next = e.next
		}
		return false, &lost
	case err != nil:
		return false, err
	}
	w.current, w.scanner = e, newScanner(s, e.end)
	if e.first > w.next { // the entries between are missing
		lost := missingSegment(e.number - 1)
		lost.First, lost.Last = w.next, e.first-1
		w.next = e.first
		return false, lost
	}
	return true, nil
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
	grown := e.end > w.scanner.end || e.next != 0
	w.current, w.scanner.end = e, e.end
	return grown, nil
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
	case err != nil || s.offset < w.current.end || s.next < w.current.next:
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
	s, from, to := w.scanner, w.scanner.next, w.current.next
	found, err := s.skipToNextFrame()
	if err != nil {
		return err
	}
	switch {
	case found:
		to = s.next
	case to != 0:
		w.next = max(w.next, to)
		if err := w.closeSegment(); err != nil {
			return err
		}
	default:
		w.unreadable = true
		if err := w.closeSegment(); err != nil {
			return err
		}
	}
	lost := *damage
	if to > from {
		lost.First, lost.Last = from, to-1
	}
	return &lost
}
