package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Ledger is a ledger that is open for writing. Its methods may be called by several
// goroutines at the same time.
type Ledger struct {
	dir       fileSystem
	config    config
	id        ledgerID
	recovered Recovery

	// role is held by whoever writes to segments. The fields below belong to it.
	role    sync.Mutex
	active  *segment
	end     int64 // of the last acknowledged frame of active
	markEnd int64 // of the mark that was written last to active
	bad     bool  // a write to active failed
	number  uint64
	next    uint64 // sequence number of the next entry
	frame   []byte // written last, for the next one's memory
	watched time.Time
	took    time.Duration // by the last commit

	cursorsMu sync.Mutex // held while cursors are made and removed

	stateMu sync.Mutex
	slots   *slots
	state   state

	pairs *Pairs

	// mu guards the fields below. It is never held while a file is touched.
	mu        sync.Mutex
	pending   *batch // gathers what is to be committed next
	left      int64  // room in the segment that pending will be written to
	spare     bool   // the next segment is made
	taken     bool   // and about to become one
	bytes     int64  // of all segments, as far as they are written
	extents   []extent
	sound     uint64 // sequence number of the last synced entry
	soundEnd  int64  // where it ends in the last extent
	cursors   map[string]*Cursor
	closed    bool
	failed    error         // nothing can be appended any more
	obstacle  error         // what kept the keeper from making room
	changed   chan struct{} // closed when there may be room; nil if nobody waits
	grown     chan struct{} // closed when more is synced; nil if nobody waits
	expecting int           // how many callers may come back soon
	awaiting  bool          // the committer waits for them
	skips     int           // how many batches do not wait

	wake     chan struct{} // for the committer
	complete chan struct{} // has an element when all are back that it waits for
	skipNext int           // the committer's: how many batches are not to wait after the next failure
	tend     chan struct{} // for the keeper
	closing  chan struct{}
	owned    sync.WaitGroup // the ledger's goroutines
}

// batch is what becomes one frame.
type batch struct {
	frame   []byte // room for its header, then the entries
	entries int
	callers int
	rotate  bool          // it goes to the next segment
	time    time.Time     // when it is committed
	settled bool          // first and err are set
	done    chan struct{} // closed then; nil while nobody waits
	first   uint64
	err     error
}

// maxGather is how large a batch may grow while others are written.
const maxGather = 4 << 20

// errBusy is for callers that could not even hand their entries over.
var errBusy = errors.New("ledger: writes and syncs are not keeping up; nothing was stored")

// Append stores the entries, all or none of them, and returns the sequence number of
// the first; the others follow it. The ledger does not keep the slices.
//
// ctx bounds the waiting. If it ends while there is no room, the error matches
// ErrFull; if it ends while the entries are being written, ErrMaybeStored: they are
// stored then, or will be, unless the ledger fails as well.
func (l *Ledger) Append(ctx context.Context, entries ...[]byte) (first uint64, err error) {
	if len(entries) == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ledger: nothing was stored: %w", err)
	}
	size, err := l.measure(entries)
	if err != nil {
		return 0, err
	}
	b, place, err := l.hand(ctx, entries, size)
	if err != nil {
		return 0, err
	}
	if l.config.syncInterval > 0 && l.role.TryLock() {
		l.commitPending()
	} else {
		poke(l.wake)
	}
	if err := l.waitUntilSettled(ctx, b); err != nil {
		return 0, err
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.first + uint64(place), nil
}

func (l *Ledger) waitUntilSettled(ctx context.Context, b *batch) error {
	l.mu.Lock()
	settled := b.settled
	if !settled && b.done == nil {
		b.done = make(chan struct{})
	}
	done := b.done
	l.mu.Unlock()
	if settled {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(ErrMaybeStored, ctx.Err())
	}
}

// measure returns what the entries take in a frame.
func (l *Ledger) measure(entries [][]byte) (size int64, err error) {
	for _, e := range entries {
		if len(e) > MaxEntrySize {
			return 0, fmt.Errorf("%w: an entry has %d bytes; the limit is %d", ErrTooLarge, len(e), MaxEntrySize)
		}
		size += int64(len(e)) + entryOverhead
	}
	if most := l.config.segmentSize - segmentHeaderSize; frameSize(size) > most {
		return 0, fmt.Errorf("%w: they take %d bytes; a segment has room for %d", ErrTooLarge, frameSize(size), most)
	}
	return size, nil
}

// hand adds the entries to the pending batch, as soon as there is room, and returns
// their place in it.
func (l *Ledger) hand(ctx context.Context, entries [][]byte, size int64) (b *batch, place int, err error) {
	for {
		l.mu.Lock()
		if err := l.refusal(); err != nil {
			l.mu.Unlock()
			return nil, 0, err
		}
		lacks := l.lacks(size)
		if lacks == nil {
			b, place = l.gather(entries)
			l.mu.Unlock()
			return b, place, nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		poke(l.tend) // it may be able to make room
		poke(l.pairs.wake)
		select {
		case <-changed:
		case <-ctx.Done():
			l.mu.Lock()
			err := errors.Join(lacks, l.obstacle, l.pairs.obstacle, ctx.Err())
			l.mu.Unlock()
			return nil, 0, err
		}
	}
}

// refusal says why nothing can be appended. mu is held.
func (l *Ledger) refusal() error {
	if l.closed {
		return ErrClosed
	}
	return l.failed
}

// lacks says why size more bytes cannot be taken yet. mu is held.
func (l *Ledger) lacks(size int64) error {
	if l.pending != nil {
		size += int64(len(l.pending.frame) - frameHeaderSize)
		if size > maxGather {
			return errBusy
		}
	}
	size = frameSize(size)
	if l.config.maxSize > 0 && l.bytes+size > l.config.maxSize {
		return ErrFull
	}
	if size <= l.left || l.spare && size <= l.config.segmentSize-segmentHeaderSize {
		return nil
	}
	return ErrFull
}

// gather adds the entries to the pending batch. mu is held.
func (l *Ledger) gather(entries [][]byte) (*batch, int) {
	b := l.pending
	if b == nil {
		b = &batch{frame: l.frameRoom()}
		l.pending = b
	}
	place := b.entries
	for _, e := range entries {
		b.frame = binary.LittleEndian.AppendUint32(b.frame, uint32(len(e)))
		b.frame = append(b.frame, e...)
	}
	b.entries += len(entries)
	b.callers++
	if l.awaiting && b.callers >= l.expecting {
		l.awaiting = false
		poke(l.complete)
	}
	return b, place
}

func (l *Ledger) frameRoom() []byte {
	room := l.frame
	l.frame = nil
	if room == nil {
		room = make([]byte, 0, 4<<10)
	}
	return room[:frameHeaderSize]
}

// Sync makes all entries durable that were appended before the call. It is for
// ledgers with a sync interval; all others have nothing to do.
func (l *Ledger) Sync() error {
	if l.config.syncInterval == 0 {
		return nil
	}
	l.mu.Lock()
	err := l.refusal()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.syncActive()
}

// Stats is what a ledger holds.
type Stats struct {
	First    uint64 // sequence number of the oldest entry
	Next     uint64 // that of the next one
	Bytes    int64  // of all segments, as far as they are written
	Segments int
}

// Stats returns what the ledger holds now.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{First: l.extents[0].first, Next: l.sound + 1, Bytes: l.bytes, Segments: len(l.extents)}
}

// Close commits what was appended, marks the end, so that damage behind it can be
// told from a crash, and unlocks the directory. It waits for a write or sync that
// hangs; whoever cannot wait leaves it behind. If the ledger took nothing more, the
// error says why.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.signal()
	l.mu.Unlock()
	close(l.closing)
	l.owned.Wait()

	err := l.finish()
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	for _, c := range l.cursors {
		err = errors.Join(err, c.close())
	}
	return errors.Join(err, l.dir.Close())
}

// finish is called when nobody else writes any more.
func (l *Ledger) finish() error {
	l.mu.Lock()
	err := l.failed
	l.mu.Unlock()
	if err == nil && l.config.syncInterval > 0 {
		if err = l.syncActive(); err == nil {
			err = l.active.sync() // the mark that it has written
		}
	}
	if err == nil && !l.bad {
		err = l.writeState(func(s *state) { s.closed, s.end, s.next = true, l.end, l.next })
	}
	err = errors.Join(err, l.pairs.finish(err == nil && !l.bad))
	return errors.Join(err, l.active.file.Close(), l.slots.file.Close())
}

// signal lets everybody look again. mu is held.
func (l *Ledger) signal() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// fail ends appending for good.
func (l *Ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = fmt.Errorf("ledger: it takes nothing more until it is opened anew: %w", err)
	}
	l.signal()
}

// writeState changes the state, which is as before if that fails.
func (l *Ledger) writeState(change func(*state)) error {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	changed := l.state
	change(&changed)
	if err := l.slots.write(changed.encode()); err != nil {
		return err
	}
	l.state = changed
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
