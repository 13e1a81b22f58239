package ledger

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// Ledger is a ledger that is open for writing. Its methods are safe for concurrent
// use.
type Ledger struct {
	dir       fileSystem
	config    config
	id        ledgerID
	ownership ownership
	ages      *ageClock
	recovered Recovery

	// writeMu is held while segments are written. It guards the fields below.
	writeMu      sync.Mutex
	active       *segment
	end          int64     // offset after the last acknowledged frame of active
	activeFailed bool      // a write or sync of active failed; nothing more is written to it
	lastNumber   uint64    // highest segment number in use
	next         uint64    // sequence number of the next entry
	verified     time.Time // when the active segment was last verified
	// verifiedPaths is when all paths were compared at the same time.
	verifiedPaths time.Time
	commitTime    time.Duration // duration of the last commit

	cursorsMu sync.Mutex // held while cursors are created and removed

	removeMu   sync.Mutex // held while segments are removed; taken before mu and stateMu
	stateMu    sync.Mutex
	stateSlots *slotFile
	state      state

	pairs *Pairs

	// mu guards the fields below. It is never held during file I/O.
	mu          sync.Mutex
	frameBuffer []byte // memory for the next frame
	pending     *batch // gathers the entries of the next commit
	room        int64  // bytes left in the segment that pending will be written to
	spareReady  bool   // the file of the next segment exists
	spareTaken  bool   // the spare is reserved for the next rotation
	bytes       int64  // written bytes of all segments
	reserved    int64  // bytes beside the segments that count toward WithMaxSize
	extents     []extent
	floor       uint64 // sequence number of the oldest entry that retention has not removed
	synced      uint64 // sequence number of the last synced entry
	dropped     droppedEntries
	syncedEnd   int64 // where that entry's frame ends in the last extent
	sidecarEnd  int64 // syncedEnd when sidecarLoop was woken
	cursors     map[string]*Cursor
	damaged     map[damagedPlace]bool // known damage
	scrubbed    scrubResult           // of the last scrub that read everything
	closed      bool
	failed      error         // why nothing can be appended any more
	maintainErr error         // why maintenance failed to make room
	moreRoom    chan struct{} // closed when there may be more room; nil if nobody waits
	moreSynced  chan struct{} // closed when more entries are synced; nil if nobody waits
	expected    int           // how many callers may append again soon
	gathering   bool          // commitLoop waits for these callers
	skipGathers int           // how many batches are committed without waiting

	commitWake   chan struct{} // wakes commitLoop
	gathered     chan struct{} // receives an element when all expected callers have appended
	backoff      int           // used by commitLoop only: the next value of skipGathers
	maintainWake chan struct{} // wakes maintainLoop
	scrubWake    chan struct{} // wakes scrubLoop
	sidecarWake  chan struct{} // wakes sidecarLoop
	closing      chan struct{}
	goroutines   sync.WaitGroup // the ledger's goroutines
}

// Stats describes the content of a ledger.
type Stats struct {
	First    uint64 // sequence number of the oldest entry
	Next     uint64 // sequence number of the next entry
	Bytes    int64  // written bytes of all segments
	Segments int
	// Cursors has the committed position of each cursor, by name. Those that nobody has
	// opened hold back retention too; [Ledger.RemoveCursor] ends that.
	Cursors map[string]uint64
	// Damaged is the number of damaged places that Open, cursors and scrubs have found.
	Damaged int
	// Scrubbed is when a scrub had last read all entries ([WithScrub]), in whatever process, or
	// zero if none has. ScrubDamaged is the number of damaged places that were known then.
	Scrubbed     time.Time
	ScrubDamaged int
}

// Stats returns the current statistics. Next counts synced entries only, while Bytes
// includes entries that are not synced yet.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	cursors := make(map[string]uint64, len(l.cursors))
	for name, c := range l.cursors {
		cursors[name] = c.committed
	}
	return Stats{
		First: l.extents[0].first, Next: l.synced + 1, Bytes: l.bytes, Segments: len(l.extents),
		Cursors: cursors, Damaged: len(l.damaged), Scrubbed: l.scrubbed.ended, ScrubDamaged: l.scrubbed.damaged,
	}
}

// wakeWaiters makes all waiting callers check again. mu is held.
func (l *Ledger) wakeWaiters() {
	broadcast(&l.moreRoom)
	broadcast(&l.moreSynced)
}

// fail makes the ledger reject all further entries, and returns why: the reason of the
// first call.
func (l *Ledger) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
	l.wakeWaiters()
	return l.failed
}

// writeState applies change to the state and stores it. On failure l.state is
// unchanged.
func (l *Ledger) writeState(change func(*state)) error {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	changed := l.state
	change(&changed)
	changed.owner = l.ownership.id
	changed.age, changed.seen = l.ages.stored(changed.closed && !l.state.closed)
	if err := l.stateSlots.write(changed.encode()); err != nil {
		return err
	}
	l.state = changed
	l.ownership.generation.Store(l.stateSlots.generation)
	return nil
}

// broadcast wakes all goroutines that wait on *c, if any. mu is held.
func broadcast(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// notify sends to a channel of capacity 1 unless it is full.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// checkWritable returns why nothing can be appended, or nil. mu is held.
func (l *Ledger) checkWritable() error {
	if l.closed {
		return ErrClosed
	}
	return l.failed
}

// totalSize returns the written bytes of all segments. mu and writeMu are held.
func (l *Ledger) totalSize() int64 {
	total := l.end
	for _, e := range l.extents[:len(l.extents)-1] {
		total += e.end
	}
	return total
}

// advanceSynced records that entries up to seq are synced. mu is held.
func (l *Ledger) advanceSynced(seq uint64, end int64) {
	if seq < l.synced {
		return // another sync was faster
	}
	l.synced, l.syncedEnd = seq, end
	l.wakeKeeper(end, false)
	broadcast(&l.moreSynced)
}

// find implements source for cursors.
func (l *Ledger) find(seq uint64, _ bool) (e extent, floor uint64, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	floor = l.floor
	if seq > l.synced {
		return e, floor, false, nil
	}
	c := catalog{extents: l.extents}
	if e, ok = c.find(max(seq, floor)); e.next == 0 {
		e = l.readable(e)
	}
	return e, floor, ok, nil
}

// readable returns the synced part of the last extent. mu is held.
func (l *Ledger) readable(e extent) extent {
	e.next, e.end, e.open = l.synced+1, l.syncedEnd, true
	return e
}

// open implements source for cursors. Retention never removes a segment that a cursor
// needs, so a missing one is damage, unless the cursor is new.
func (l *Ledger) open(e extent) (*segment, error) {
	s, err := openFrames(l.dir, l.id, e)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.number < l.extents[0].number {
		return nil, errSegmentRemoved
	}
	return nil, missingSegment(e.number)
}

// How long maintainLoop waits before it retries after a failure, and between checks
// for segments that have become old enough to remove.
const (
	maintainRetry    = time.Second
	maintainInterval = time.Minute
)

// Recovery returns what Open found.
func (l *Ledger) Recovery() Recovery { return l.recovered }
