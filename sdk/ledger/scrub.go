package ledger

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// DefaultScrubRate is the default rate of WithScrub, in bytes per second.
const DefaultScrubRate = 1 << 20

const (
	// scrubDelay is how long after Open the first scrub starts.
	scrubDelay = time.Minute
	// scrubInterval is the least time between the starts of two scrubs.
	scrubInterval = 24 * time.Hour
	// scrubStep is how many bytes are read between two pauses.
	scrubStep = 256 << 10
)

// scrubLoop reads all segments again and again, so that damage is found while a backup
// can still repair it. It runs in its own goroutine.
func (l *Ledger) scrubLoop() {
	timer := time.NewTimer(scrubDelay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-l.scrubWake:
		case <-l.closing:
			return
		}
		started := time.Now()
		l.scrubAll()
		timer.Reset(max(scrubInterval-time.Since(started), scrubDelay))
	}
}

// scrubAll reads the small files and all segments once. It starts with any segment, so that
// processes which restart often get to all.
func (l *Ledger) scrubAll() {
	l.mu.Lock()
	first := l.extents[0].first
	middle := l.extents[rand.IntN(len(l.extents))].first
	l.mu.Unlock()
	s := scrubber{ledger: l, timer: time.NewTimer(0)}
	defer s.timer.Stop()
	<-s.timer.C
	if !s.scrubSlotFiles() {
		return
	}
	if s.scrub(middle, 0) && (middle <= first || s.scrub(first, middle)) {
		l.scrubEnded(time.Now())
	}
}

// scrubber is one pass over the segments.
type scrubber struct {
	ledger *Ledger
	timer  *time.Timer
	read   int64 // bytes read since the last pause
}

// A slot that is not intact may be being written. How often it is read again, and the pause.
const (
	rereadSlots      = 5
	rereadSlotsPause = time.Second
)

// scrubSlotFiles reads the state, the cursors and the positions of the pairs file. Each of
// them survives the damage of one of its two slots. It returns false if the ledger was
// closed.
func (s *scrubber) scrubSlotFiles() bool {
	names, _ := s.ledger.dir.List() // the next scrub tries again
	for _, name := range names {
		if name != stateFileName && name != pairsFileName && !strings.HasSuffix(name, cursorSuffix) {
			continue
		}
		for attempt := 1; ; attempt++ {
			intact, err := intactSlots(s.ledger.dir, name)
			if err != nil || intact == 2 {
				break // it may have been removed
			}
			if attempt == rereadSlots {
				s.ledger.foundDamage(&CorruptError{
					File: name, Reason: "one of its two slots is damaged", Hint: "the other slot is used, and the next changes write both again",
				})
				break
			}
			if !s.sleep(rereadSlotsPause) {
				return false
			}
		}
	}
	return true
}

// intactSlots returns how many of the slots of a file are intact.
func intactSlots(dir fileSystem, name string) (int, error) {
	f, err := dir.Open(name)
	if err != nil {
		return 0, err
	}
	copies, err := newSlotFile(dir, name, f).readCopies()
	return len(copies), errors.Join(err, f.Close())
}

// scrub reads the entries from one up to another, or up to the last if that is 0. It
// returns false if the ledger was closed.
func (s *scrubber) scrub(from, to uint64) bool {
	w := walker{source: s.ledger, next: from}
	defer func() { _ = w.closeSegment() }() // opened for reading
	var checked extent
	for to == 0 || w.next < to {
		frame, _, found, err := w.walk()
		if w.current.number != checked.number {
			checked = w.current
			s.ledger.checkHeader(checked)
		}
		switch {
		case err != nil && isLoss(err):
			s.ledger.foundDamage(err)
		case err != nil:
			e, _, ok, _ := s.ledger.find(w.next, true)
			_ = w.closeSegment()
			switch {
			case !ok || s.isClosed():
				return ok
			case isExhausted(err):
				if !s.sleep(scrubDelay) {
					return false
				}
				continue
			}
			s.ledger.foundDamage(&CorruptError{File: segmentName(e.number), First: w.next, Last: e.next - 1, Reason: "it cannot be read: " + err.Error()})
			w.next = e.next
		case !found:
			return true
		}
		if !s.pause(int64(len(frame))) {
			return false
		}
	}
	return true
}

// pause keeps to the rate after n bytes were read. It returns false if the ledger is
// closed.
func (s *scrubber) pause(n int64) bool {
	if s.read += n; s.read < scrubStep {
		return true
	}
	took := float64(s.read) / float64(s.ledger.config.scrubRate)
	s.read = 0
	return s.sleep(time.Duration(took * float64(time.Second)))
}

// sleep returns false if the ledger is closed.
func (s *scrubber) sleep(d time.Duration) bool {
	s.timer.Reset(d)
	select {
	case <-s.timer.C:
		return true
	case <-s.ledger.closing:
		return false
	}
}

func (s *scrubber) isClosed() bool {
	select {
	case <-s.ledger.closing:
		return true
	default:
		return false
	}
}

// checkHeader compares the header of a segment with what is known of it. Entries are
// read without it.
func (l *Ledger) checkHeader(e extent) {
	h, err := readSegmentHeader(l.dir, l.id, e.number)
	switch {
	case isCorrupt(err):
		l.foundDamage(err)
	case err == nil && h.first != e.first:
		l.foundDamage(&CorruptError{File: segmentName(e.number), Reason: "the header is that of an older or newer copy of the file"})
	}
}

// damagedPlace identifies damage.
type damagedPlace struct {
	file   string
	offset int64
}

// foundDamage reports damage to the handlers, unless it is known.
func (l *Ledger) foundDamage(err error) {
	corrupt, ok := errors.AsType[*CorruptError](err)
	if !ok || !l.addDamage(corrupt) {
		return
	}
	_ = locate(corrupt, l.dir.Path())
	for _, handle := range l.config.damageHandlers {
		handle(corrupt)
	}
}

// addDamage remembers damage, and reports whether it was unknown.
func (l *Ledger) addDamage(e *CorruptError) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := damagedPlace{e.File, e.Offset}
	if l.damaged[place] {
		return false
	}
	l.damaged[place] = true
	return true
}
