package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Recovery is what Open found.
type Recovery struct {
	// Crashed says that the last writer did not close the ledger.
	Crashed bool
	// Cut is the frame that was being written when the machine stopped, if there was
	// one. No Append returned nil for it.
	Cut *Cut
	// Damage is what WithSalvage went around, if anything.
	Damage []error
}

// Cut is the end of a segment that counts no more. It stays in the file.
type Cut struct {
	// Segment is the file's name.
	Segment string
	// Offset is where it begins.
	Offset int64
	// Next is the sequence number that its first entry would have.
	Next uint64
}

// firstCapacity is the size of the segment that Open makes, which is small, so that
// opening takes no time.
const firstCapacity = 1 << 20

// Open opens the ledger in dir for writing, and makes it if there is none. The
// directory must belong to the process's user and be writable by nobody else. An
// error is ErrLocked, ErrUnsafe, a *CorruptError, or the system's. A damaged cursor
// is none: whoever asks for that one is told.
func Open(dir string, opts ...Option) (*Ledger, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d, err := openDirectory(dir)
	if err != nil {
		return nil, err
	}
	return open(d, c)
}

// open opens the ledger in a directory, which it closes if that fails.
func open(dir fileSystem, c config) (*Ledger, error) {
	l := &Ledger{
		dir:      dir,
		config:   c,
		cursors:  map[string]*Cursor{},
		wake:     make(chan struct{}, 1),
		complete: make(chan struct{}, 1),
		skipNext: 1,
		tend:     make(chan struct{}, 1),
		closing:  make(chan struct{}),
	}
	if err := l.recover(); err != nil {
		return nil, errors.Join(err, l.abandon())
	}
	l.owned.Go(l.committer)
	l.owned.Go(l.keeper)
	if c.syncInterval > 0 {
		l.owned.Go(l.syncer)
	}
	return l, nil
}

// abandon closes what recover has opened.
func (l *Ledger) abandon() error {
	var err error
	if l.active != nil {
		err = l.active.file.Close()
	}
	if l.slots != nil {
		err = errors.Join(err, l.slots.file.Close())
	}
	for _, c := range l.cursors {
		err = errors.Join(err, c.close())
	}
	if l.pairs != nil && l.pairs.file != nil {
		err = errors.Join(err, l.pairs.file.close())
	}
	return errors.Join(err, l.dir.Close())
}

// Recovered returns what Open found.
func (l *Ledger) Recovered() Recovery { return l.recovered }

func (l *Ledger) recover() error {
	if err := l.dir.Lock(); err != nil {
		return err
	}
	if err := l.openState(); err != nil {
		return err
	}
	c, err := loadCatalogue(l.dir, &l.state)
	if err != nil {
		return err
	}
	if err := l.accept(c); err != nil {
		return err
	}
	if err := l.removeLeftovers(); err != nil {
		return err
	}
	if err := errors.Join(l.openCursors(), l.openPairs()); err != nil {
		return err
	}
	proceed, err := l.recoverTail(c)
	if err != nil {
		return err
	}
	if proceed {
		err = l.writeState(func(s *state) { s.closed, s.newest = false, l.active.number })
	} else {
		err = l.begin(c)
	}
	if err != nil {
		return err
	}
	l.left, l.soundEnd, l.sound = l.active.capacity-l.end, l.end, l.next-1
	l.extents[len(l.extents)-1].next = 0
	l.bytes = l.size()
	return nil
}

// openState opens the state, or makes it for a new ledger.
func (l *Ledger) openState() error {
	slots, value, err := openSlots(l.dir, stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return l.createState()
	}
	if err != nil {
		return err
	}
	l.slots = slots
	if l.state, err = decodeState(value); err != nil {
		return err
	}
	l.id, l.number = l.state.id, l.state.newest
	l.recovered.Crashed = l.state.newest != 0 && !l.state.closed
	return nil
}

func (l *Ledger) createState() error {
	names, err := l.dir.List()
	if err != nil {
		return err
	}
	if numbers := segmentFiles(names); len(numbers) > 0 {
		return &CorruptError{Segment: stateFile, Reason: "it is missing, while there are segments"}
	}
	if err := discard(l.dir, stateFile+temporarySuffix); err != nil {
		return err
	}
	l.state = newState()
	l.id = l.state.id
	l.slots, err = createSlots(l.dir, stateFile, l.state.encode())
	return err
}

// accept refuses damage to the headers, unless it is to be salvaged.
func (l *Ledger) accept(c *catalogue) error {
	if len(c.extents) > 0 && c.extents[0].first > l.state.first {
		lost := missing(l.state.oldest)
		lost.From, lost.To = l.state.first, c.extents[0].first-1
		c.damage = append(c.damage, lost)
	}
	if len(c.damage) > 0 && !l.config.salvage {
		return errors.Join(c.damage...)
	}
	l.recovered.Damage = c.damage
	return nil
}

// removeLeftovers removes what an interrupted writer left half made.
func (l *Ledger) removeLeftovers() error {
	names, err := l.dir.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		number, is := segmentNumber(name)
		switch {
		case strings.HasSuffix(name, temporarySuffix), name == urgentFile, name == spareFile:
			err = errors.Join(err, discard(l.dir, name))
		case is:
			l.number = max(l.number, number)
			if number < l.state.oldest {
				err = errors.Join(err, discard(l.dir, name))
			}
		}
	}
	return err
}

// recoverTail reads the newest segment to its end, and reports whether appending can
// go on there.
func (l *Ledger) recoverTail(c *catalogue) (proceed bool, err error) {
	l.next, l.end = l.state.first, 0
	if c.newest == nil {
		l.skipLost(l.number)
		return false, l.checkNext()
	}
	s, err := openSegment(l.dir, l.id, c.newest.number)
	if err != nil {
		return false, err
	}
	l.active, l.extents = s, c.extents

	frames := newScanner(s, s.capacity)
	err = readFrames(frames)
	closed := l.state.closed && l.state.newest == s.number
	if (err == nil || errors.Is(err, errTorn)) && closed && (frames.offset != l.state.end || frames.next != l.state.next) {
		err = frames.corrupt(frames.offset, "it does not end where it was closed")
	}
	proceed = err == nil
	if errors.Is(err, errTorn) {
		l.recovered.Cut = &Cut{Segment: s.name(), Offset: frames.offset, Next: frames.next}
		err = nil
	}
	if corrupt, is := errors.AsType[*CorruptError](err); is && l.config.salvage {
		l.recovered.Damage = append(l.recovered.Damage, corrupt)
		err = readAround(frames)
	}
	if err == nil {
		err = s.sync() // nobody may have synced what was read
	}
	if err != nil {
		return false, err
	}
	l.end, l.next = frames.offset, frames.next
	l.skipLost(l.number - s.number)
	err = l.checkNext()
	// What is taken over from a segment must fit into the next one.
	proceed = proceed && s.capacity <= l.config.segmentSize && len(l.recovered.Damage) == 0
	return proceed, err
}

// skipLost leaves out the numbers that entries may have had in so many of the newest
// segments, which are lost. A closed state tells it exactly.
func (l *Ledger) skipLost(segments uint64) {
	if !l.state.closed {
		l.next += segments * (MaxSegmentSize / entryOverhead)
	}
}

func readFrames(s *scanner) error {
	for {
		if more, err := s.scanAny(); !more || err != nil {
			return err
		}
	}
}

// readAround moves the scanner behind the last byte that was written.
func readAround(s *scanner) error {
	for {
		found, err := s.skip()
		if err != nil {
			return err
		}
		if !found { // entries are lost, but their numbers are not free
			s.offset, s.next = s.end, s.unread()
			return nil
		}
		err = readFrames(s)
		if err == nil {
			return nil
		}
		if _, is := errors.AsType[*CorruptError](err); !is && !errors.Is(err, errTorn) {
			return err
		}
	}
}

// checkNext compares where the entries end with what cursors and the closed state
// know.
func (l *Ledger) checkNext() error {
	known := l.next
	if l.state.closed {
		known = max(known, l.state.next)
	}
	consumer := ""
	if saved := l.pairs.saved; saved >= known && saved != nothingFollows {
		known, consumer = saved+1, "the file "+pairsName
	}
	for name, c := range l.cursors {
		if c.committed >= known {
			known, consumer = c.committed+1, "cursor "+name
		}
	}
	if known == l.next {
		return nil
	}
	lost := &CorruptError{Segment: segmentName(l.number), Offset: l.end, From: l.next, To: known - 1, Reason: "its end is missing"}
	if consumer != "" {
		lost.Reason = "its end is missing, which " + consumer + " has passed"
	}
	if !l.config.salvage {
		return lost
	}
	l.recovered.Damage = append(l.recovered.Damage, lost)
	l.next = known
	if l.active != nil && !l.state.closed { // more may have followed
		l.next += uint64(l.active.capacity-l.end) / entryOverhead
	}
	return nil
}

// begin makes a small segment to go on in.
func (l *Ledger) begin(c *catalogue) error {
	l.number++
	h := segmentHeader{
		ledger: l.id, number: l.number, first: l.next, created: now(),
		capacity: min(firstCapacity, l.config.segmentSize),
	}
	if c.newest != nil {
		h.previous, h.previousEnd = c.newest.number, l.end
		if l.end == segmentHeaderSize {
			h.previous, h.previousEnd = c.newest.previous, c.newest.previousEnd
		}
	}
	if err := makeZeros(l.dir, urgentFile, h.capacity); err != nil {
		return fmt.Errorf("ledger: making a segment: %w", err)
	}
	s, err := adopt(l.dir, urgentFile, h, nil)
	if err != nil {
		return err
	}
	if l.active != nil {
		err = l.active.file.Close()
	}
	last := len(c.extents) - 1
	if last >= 0 && h.previous == c.extents[last].number {
		e := &c.extents[last]
		e.next, e.end, e.sealed = h.first, h.previousEnd, h.created
	} else if last >= 0 {
		c.extents = c.extents[:last]
	}
	l.active, l.end = s, segmentHeaderSize
	c.extents = append(c.extents, extent{number: h.number, first: h.first})
	l.extents = c.extents
	return errors.Join(err, l.writeState(func(s *state) { s.closed, s.newest = false, h.number }))
}
