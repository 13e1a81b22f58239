package ledger

import (
	"errors"
	"time"
)

// source is where a walker finds its segments.
type source interface {
	// find returns the extent with seq, or else the next one, and the sequence number
	// of the oldest entry that was not removed; false if there is nothing to read yet.
	// again says that what it returned last was removed or is read.
	find(seq uint64, again bool) (e extent, floor uint64, ok bool, err error)
	// open opens the segment of an extent.
	open(number uint64) (*segment, error)
}

// walker reads the frames of a ledger from one segment to the next, and around what
// is damaged.
type walker struct {
	source  source
	next    uint64 // sequence number of the next entry
	current extent
	scanner *scanner // of the current extent; nil between two
	stuck   bool     // the last segment cannot be read
}

// walk returns the next frame with entries from next on. It returns false where
// there is none yet. After a *CorruptError it goes on behind the damage.
func (w *walker) walk() (frame []byte, h frameHeader, more bool, err error) {
	for {
		if w.scanner == nil {
			if more, err := w.enter(); !more || err != nil {
				return nil, h, false, err
			}
		}
		found, err := w.scan()
		if found {
			if h = w.scanner.header; h.last() < w.next {
				continue // on the way to next
			}
			w.next = h.last() + 1
			return w.scanner.frame, h, true, nil
		}
		if w.current.next == 0 && (err == nil || errors.Is(err, errTorn)) {
			more, err = w.wait()
		} else {
			err = w.finish(err)
			more = err == nil
		}
		if !more || err != nil {
			return nil, h, false, err
		}
	}
}

// How often, and at first how long after another, what looks damaged where a writer
// may be at work is read again.
const (
	settleAttempts = 8
	settlePause    = time.Millisecond
)

// scan scans the next frame. In the last segment it may be written at this moment, so
// that some of what was read is older than the rest.
func (w *walker) scan() (bool, error) {
	found, err := w.scanner.scan()
	if found || w.current.next != 0 {
		return found, err
	}
	w.scanner.forget()
	found, err = w.scanner.scan()
	for attempt := range settleAttempts {
		if _, corrupt := errors.AsType[*CorruptError](err); !corrupt {
			break
		}
		time.Sleep(settlePause << attempt)
		w.scanner.forget()
		found, err = w.scanner.scan()
	}
	return found, err
}

// enter opens the segment with the next entry.
func (w *walker) enter() (bool, error) {
	if w.stuck {
		return false, nil
	}
	e, floor, ok, err := w.source.find(w.next, false)
	var s *segment
	for ok && err == nil {
		s, err = w.source.open(e.number)
		if !errors.Is(err, errRemoved) {
			break
		}
		e, floor, ok, err = w.source.find(w.next, true)
	}
	if !ok && err == nil {
		return false, nil
	}
	w.next = max(w.next, floor)
	corrupt, is := errors.AsType[*CorruptError](err)
	switch {
	case is:
		w.stuck = e.next == 0
		told := *corrupt
		if e.next != 0 {
			told.From, told.To = w.next, e.next-1
			w.next = e.next
		}
		return false, &told
	case err != nil:
		return false, err
	}
	w.current, w.scanner = e, newScanner(s, e.end)
	if e.first > w.next { // what is between is missing
		told := missing(e.number - 1)
		told.From, told.To = w.next, e.first-1
		w.next = e.first
		return false, told
	}
	return true, nil
}

// wait is called where the last extent ends, and reports whether there is more now.
func (w *walker) wait() (bool, error) {
	e, _, ok, err := w.source.find(w.scanner.next, true)
	if !ok || err != nil {
		return false, err
	}
	if e.number != w.current.number {
		return true, w.leave()
	}
	grown := e.end > w.scanner.end || e.next != 0
	w.current, w.scanner.end = e, e.end
	return grown, nil
}

// finish is called where scanning an extent ended, with its error.
func (w *walker) finish(err error) error {
	s := w.scanner
	corrupt, is := errors.AsType[*CorruptError](err)
	switch {
	case is:
		return w.around(corrupt)
	case err != nil && !errors.Is(err, errTorn):
		return err
	case err != nil || s.offset < w.current.end || s.next < w.current.next:
		return w.around(s.corrupt(s.offset, "frames are missing"))
	}
	w.next = max(w.next, w.current.next)
	return w.leave()
}

// leave closes the current segment.
func (w *walker) leave() error {
	if w.scanner == nil {
		return nil
	}
	err := w.scanner.segment.file.Close()
	w.scanner = nil
	return err
}

// around moves behind the damage at the scanner's place, and returns it with the
// numbers of what cannot be read.
func (w *walker) around(damage *CorruptError) error {
	s, from, to := w.scanner, w.scanner.next, w.current.next
	found, err := s.skip()
	if err != nil {
		return err
	}
	switch {
	case found:
		to = s.next
	case to != 0:
		w.next = max(w.next, to)
		if err := w.leave(); err != nil {
			return err
		}
	default:
		w.stuck = true
		if err := w.leave(); err != nil {
			return err
		}
	}
	told := *damage
	if to > from {
		told.From, told.To = from, to-1
	}
	return &told
}
