package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// initialCapacity is the size of a segment that Open creates. It is small to keep Open
// fast.
const initialCapacity = 1 << 20

// Open opens the ledger in dir for writing, and creates it if dir has none. The
// directory must belong to the user of the process and must not be writable by others;
// see WithGroupWritable.
//
// The error matches ErrLocked or ErrInsecure, is a *CorruptError, or comes from the
// operating system. A damaged cursor does not make Open fail; [Ledger.Cursor] reports
// it.
func Open(dir string, opts ...Option) (*Ledger, error) {
	return OpenContext(context.Background(), dir, opts...)
}

// OpenContext is Open, and stops waiting for the lock when ctx ends; see WithLockWait.
func OpenContext(ctx context.Context, dir string, opts ...Option) (*Ledger, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d, err := createDir(dir, access{groupWritable: c.groupWritable})
	if err != nil {
		return nil, err
	}
	l, err := openIn(ctx, d, c)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("ledger: %s: %w; give the process write permission for the directory and its files", d.path, err)
	}
	return l, err
}

// openIn opens the ledger in dir. On failure it closes dir.
func openIn(ctx context.Context, dir fileSystem, c config) (*Ledger, error) {
	l := &Ledger{
		dir:          dir,
		config:       c,
		cursors:      map[string]*Cursor{},
		damaged:      map[damagedPlace]bool{},
		commitWake:   make(chan struct{}, 1),
		gathered:     make(chan struct{}, 1),
		backoff:      1,
		maintainWake: make(chan struct{}, 1),
		scrubWake:    make(chan struct{}, 1),
		sidecarWake:  make(chan struct{}, 1),
		closing:      make(chan struct{}),
	}
	_, _ = rand.Read(l.ownership.id[:]) // never fails
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(suggestSalvage(locate(err, dir.Path())), l.closeOpened())
	}
	l.goroutines.Go(l.commitLoop)
	l.goroutines.Go(l.maintainLoop)
	if c.syncInterval > 0 {
		l.goroutines.Go(l.syncLoop)
	}
	if c.scrubRate > 0 {
		l.goroutines.Go(l.scrubLoop)
	}
	if c.keeper != nil {
		l.goroutines.Go(l.sidecarLoop)
	}
	return l, nil
}

// closeOpened closes everything that a failed recover opened.
func (l *Ledger) closeOpened() error {
	var err error
	if l.active != nil {
		err = l.active.file.Close()
	}
	if l.stateSlots != nil {
		err = errors.Join(err, l.stateSlots.file.Close())
	}
	for _, c := range l.cursors {
		err = errors.Join(err, c.close())
	}
	if l.pairs != nil && l.pairs.file != nil {
		err = errors.Join(err, l.pairs.file.close())
	}
	return errors.Join(err, l.dir.Close())
}

// recover locks the directory, opens its files and prepares a segment to append to.
func (l *Ledger) recover(ctx context.Context) error {
	lockMissing, err := l.lock(ctx)
	if err != nil {
		return err
	}
	if err := l.openState(); err != nil {
		return err
	}
	l.scrubbed, _ = readScrubResult(l.dir, l.id)
	mayBeOpen := lockMissing && l.state.newest != 0 && !l.state.closed // by a writer whose lock was removed
	if mayBeOpen {
		time.Sleep(takeoverPause)
	}
	c, err := loadCatalog(l.dir, &l.state)
	if err != nil {
		return err
	}
	if err := l.checkDamage(c); err != nil {
		return err
	}
	if err := l.removeLeftovers(); err != nil {
		return err
	}
	if err := errors.Join(l.openCursors(), l.openPairs()); err != nil {
		return err
	}
	appendable, err := l.recoverTail(c)
	if err != nil {
		return err
	}
	if appendable && !mayBeOpen {
		if err := l.dir.Sync(); err != nil { // the last writer may have stopped before it did
			return fmt.Errorf("ledger: sync the directory: %w", err)
		}
		err = l.writeState(func(s *state) { s.closed, s.newest = false, l.active.number })
	} else {
		err = l.startSegment(c)
	}
	if isDiskFull(err) && l.active != nil {
		err = l.openFull()
	}
	if err != nil {
		return err
	}
	if !l.activeFailed {
		l.room = l.active.capacity - l.end
	}
	l.syncedEnd, l.synced = l.end, l.next-1
	l.extents[len(l.extents)-1].next, l.floor = 0, l.state.first
	l.bytes = l.totalSize()
	return l.finishSalvage()
}

// openFull opens a ledger for whose next segment the disk has no room. Its entries can be
// read, exported and removed as in any other; Append waits until there is room.
func (l *Ledger) openFull() error {
	l.activeFailed = true // the first entry makes the next segment
	if err := removeIfExists(l.dir, urgentFileName); err != nil {
		return l.writeError("remove an unfinished file", err)
	}
	return l.writeState(func(s *state) { s.closed = false })
}

// takeoverPause is how long Open waits for a writer whose lock was removed to finish the
// commit that it has begun. It begins no further one.
const takeoverPause = 100 * time.Millisecond

// lockPause is how often lock tries again.
const lockPause = 50 * time.Millisecond

// lock locks the directory. It waits for the lock as WithLockWait allows. It reports
// whether the lock file was missing.
func (l *Ledger) lock(ctx context.Context) (missing bool, err error) {
	deadline := time.Now().Add(l.config.lockWait)
	for {
		missing, err = l.dir.Lock()
		pause := min(lockPause, time.Until(deadline))
		if !errors.Is(err, ErrLocked) || pause <= 0 {
			return missing, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, errors.Join(err, ctx.Err())
		}
	}
}

// openState opens the state file, or creates it for a new ledger. It makes this writer
// its owner before it reads anything else, so that another writer that does not hold the
// lock acknowledges nothing that is not read here.
func (l *Ledger) openState() error {
	slots, value, err := openSlotFile(l.dir, stateFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return l.createState()
	}
	if isCorrupt(err) {
		return l.salvageState(err)
	}
	if err != nil {
		return err
	}
	l.stateSlots = slots
	if l.state, err = decodeState(value); err != nil {
		return err
	}
	l.state.distrust(slots.intact)
	l.id, l.lastNumber = l.state.id, l.state.newest
	l.ages = newAgeClock(&l.state, &l.config)
	l.recovered.Crashed = l.state.newest != 0 && !l.state.closed
	return l.writeState(func(*state) {})
}

// createState creates the state file of a new ledger. A directory with segments has
// lost its state file.
func (l *Ledger) createState() error {
	names, err := l.dir.List()
	if err != nil {
		return err
	}
	if numbers := segmentFiles(names); len(numbers) > 0 {
		return l.salvageState(&CorruptError{File: stateFileName, Reason: "the file is missing, but the directory has segments"})
	}
	if err := removeIfExists(l.dir, stateFileName+temporarySuffix); err != nil {
		return err
	}
	l.state = newState()
	l.ages = newAgeClock(&l.state, &l.config)
	l.id, l.state.owner = l.state.id, l.ownership.id
	l.state.age, l.state.seen = l.ages.stored(false)
	l.stateSlots, err = createSlotFile(l.dir, stateFileName, l.state.encode())
	if err == nil {
		l.ownership.generation.Store(l.stateSlots.generation)
	}
	return err
}

// removeLeftovers removes incomplete files, and segments and sidecars whose removal was
// interrupted.
func (l *Ledger) removeLeftovers() error {
	names, err := l.dir.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		number, ok := segmentNumber(name)
		switch {
		case strings.HasSuffix(name, temporarySuffix), name == urgentFileName, name == spareFileName:
			err = errors.Join(err, removeIfExists(l.dir, name))
		case ok:
			l.lastNumber = max(l.lastNumber, number)
			if number < l.state.oldest {
				err = errors.Join(err, removeIfExists(l.dir, name))
			}
		}
	}
	return errors.Join(err, removeSidecars(l.dir, names, l.state.oldest))
}

// recoverTail reads the newest segment to its end, and reports whether new frames can
// be appended to it.
func (l *Ledger) recoverTail(c *catalog) (appendable bool, err error) {
	l.next, l.end = l.state.first, 0
	if c.newest == nil {
		l.skipLostNumbers(l.lastNumber)
		return false, l.checkNext()
	}
	s, err := openFrames(l.dir, l.id, extent{number: c.newest.number})
	if err != nil {
		return false, err
	}
	s.segmentHeader = *c.newest
	l.active, l.extents = s, c.extents

	frames := newScanner(s, s.capacity)
	err = scanToEnd(frames)
	closed := l.state.closed && l.state.newest == s.number
	if (err == nil || errors.Is(err, errTorn)) && closed && (frames.offset != l.state.end || frames.next != l.state.next) {
		err = frames.corrupt(frames.offset, "the segment does not end where the ledger was closed")
	}
	appendable = err == nil
	if errors.Is(err, errTorn) {
		l.recovered.Torn = &TornFrame{Segment: s.name(), Offset: frames.offset, First: frames.next}
		err = nil
	}
	if corrupt, ok := errors.AsType[*CorruptError](err); ok && l.config.salvage {
		l.recovered.Damage = append(l.recovered.Damage, corrupt)
		err = scanPastDamage(frames)
	}
	if err == nil {
		err = s.sync() // the last writer may not have synced it
	}
	if err != nil {
		return false, err
	}
	l.end, l.next = frames.offset, frames.next
	l.skipLostNumbers(l.lastNumber - s.number)
	err = l.checkNext()
	// Frames carried over to the next segment must fit into it.
	appendable = appendable && s.capacity <= l.config.segmentSize && len(l.recovered.Damage) == 0
	return appendable, err
}

// skipLostNumbers skips the sequence numbers that entries may have had in the lost
// newest segments. A closed state records the exact number instead.
func (l *Ledger) skipLostNumbers(segments uint64) {
	if !l.state.closed {
		l.next += segments * (MaxSegmentSize / entryOverhead)
	}
}

// scanToEnd reads all remaining frames of a segment.
func scanToEnd(s *scanner) error {
	for {
		if found, err := s.scanAny(); !found || err != nil {
			return err
		}
	}
}

// scanPastDamage moves the scanner to the end of the written part of a damaged
// segment.
func scanPastDamage(s *scanner) error {
	for {
		found, err := s.skipToNextFrame()
		if err != nil {
			return err
		}
		if !found { // entries are lost, but their numbers must not be reused
			s.offset, s.next = s.end, s.nextUnusedSeq()
			return nil
		}
		err = scanToEnd(s)
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[*CorruptError](err); !ok && !errors.Is(err, errTorn) {
			return err
		}
	}
}

// checkNext compares the end of the entries with the ends known to cursors, the pairs
// file and a closed state. Entries that they know and the segments lack are damage.
func (l *Ledger) checkNext() error {
	known := l.next
	if l.state.closed {
		known = max(known, l.state.next)
	}
	consumer := ""
	if saved := l.pairs.savedSeq; saved >= known && saved != noOpenPairs {
		known, consumer = saved+1, "the file "+pairsFileName
	}
	for name, c := range l.cursors {
		if c.committed >= known {
			known, consumer = c.committed+1, "cursor "+name
		}
	}
	if known == l.next {
		return nil
	}
	missing := &CorruptError{File: segmentName(l.lastNumber), Offset: l.end, First: l.next, Last: known - 1, Reason: "the end of the segment is missing"}
	if consumer != "" {
		missing.Reason = "the end of the segment is missing; " + consumer + " is past it"
	}
	if !l.config.salvage {
		return missing
	}
	l.recovered.Damage = append(l.recovered.Damage, missing)
	l.next = known
	if l.active != nil && !l.state.closed { // more may have followed
		l.next += uint64(l.active.capacity-l.end) / entryOverhead
	}
	return nil
}

// startSegment creates a small segment and makes it active. It continues the newest
// segment that was found, if any.
func (l *Ledger) startSegment(c *catalog) error {
	l.lastNumber++
	h := segmentHeader{
		ledger: l.id, number: l.lastNumber, first: l.next, created: now(), age: l.ages.most(),
		capacity: min(initialCapacity, l.config.segmentSize),
	}
	if c.newest != nil {
		h.previous, h.previousEnd = c.newest.number, l.end
		if l.end == segmentHeaderSize {
			h.previous, h.previousEnd = c.newest.previous, c.newest.previousEnd
		}
	}
	if err := createZeroFile(l.dir, urgentFileName, h.capacity); err != nil {
		return l.writeError("create a segment", err)
	}
	s, err := createSegment(l.dir, urgentFileName, h, nil)
	if err != nil {
		return err
	}
	if l.active != nil {
		err = l.active.file.Close()
	}
	last := len(c.extents) - 1
	if last >= 0 && h.previous == c.extents[last].number {
		e := &c.extents[last]
		e.next, e.end, e.sealed, e.sealedAge = h.first, h.previousEnd, h.created, h.age
		e.open = false
	} else if last >= 0 {
		c.extents = c.extents[:last]
	}
	l.active, l.end = s, segmentHeaderSize
	c.extents = append(c.extents, extent{number: h.number, first: h.first})
	l.extents = c.extents
	return errors.Join(err, l.writeState(func(s *state) { s.closed, s.newest = false, h.number }))
}
