package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
)

// Entry is one entry of a ledger.
type Entry struct {
	Seq  uint64
	Data []byte
}

// Cursor is a consumer's place in a ledger, which survives restarts. Next and Commit
// may be called by different goroutines, but Next by one at a time.
type Cursor struct {
	ledger *Ledger
	name   string

	// committed is guarded by the ledger's mutex.
	committed uint64

	commitMu sync.Mutex
	slots    *slots // nil if the file is damaged
	damage   error

	nextMu sync.Mutex // held by Next, but not while it waits
	walker walker
	read   []Entry // of the last frame, what was not handed out yet
	failed error   // what the next call of Next returns
	opened uint64  // where the cursor stood when it was opened
	beyond beyond  // what the consumer had beyond that
	closed bool
}

const (
	cursorSuffix  = ".cursor"
	cursorVersion = 1
	cursorSize    = 8 + 16 + 8 + len(beyond{})
)

// MaxBeyond is how far beyond its place a cursor can say what its consumer has.
const MaxBeyond = 8 * len(beyond{})

// beyond has a bit for each entry that follows a place, which says that the consumer
// has it.
type beyond [128]byte

func (b *beyond) set(distance uint64) { b[(distance-1)/8] |= 1 << ((distance - 1) % 8) }

func (b *beyond) has(distance uint64) bool {
	return distance-1 < uint64(MaxBeyond) && b[(distance-1)/8]>>((distance-1)%8)&1 == 1
}

var cursorName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// Cursor returns the cursor of a consumer, which stands where the last Commit put
// it, and ahead of the oldest entry if it is new. The name matches
// [a-z0-9_-]{1,64}. From then on no entry is removed that the consumer has not
// committed, also when the ledger is opened without asking for the cursor.
//
// A cursor whose file is damaged is a *CorruptError, and nothing is removed. After
// RemoveCursor it starts anew.
func (l *Ledger) Cursor(name string) (*Cursor, error) {
	if !cursorName.MatchString(name) {
		return nil, errors.New("ledger: a cursor's name must match [a-z0-9_-]{1,64}")
	}
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	l.mu.Lock()
	c, closed, oldest := l.cursors[name], l.closed, l.extents[0].first
	l.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if c != nil && c.damage != nil {
		return nil, fmt.Errorf("%w; RemoveCursor has consumer %s start from the oldest entry", c.damage, name)
	}
	if c != nil {
		return c, nil
	}
	c = l.newCursor(name, oldest-1)
	var err error
	if c.slots, err = createSlots(l.dir, name+cursorSuffix, c.encode(c.committed, &beyond{})); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursors[name] = c
	return c, nil
}

func (l *Ledger) newCursor(name string, committed uint64) *Cursor {
	c := &Cursor{ledger: l, name: name, committed: committed, opened: committed}
	c.walker = walker{source: l, next: committed + 1}
	return c
}

// Cursors returns the names of all cursors.
func (l *Ledger) Cursors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]string, 0, len(l.cursors))
	for name := range l.cursors {
		names = append(names, name)
	}
	return names
}

// RemoveCursor forgets a consumer, so that it holds back no removal. Its Cursor must
// not be used any more.
func (l *Ledger) RemoveCursor(name string) error {
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	l.mu.Lock()
	c := l.cursors[name]
	delete(l.cursors, name)
	l.mu.Unlock()
	if c == nil {
		return fmt.Errorf("ledger: there is no cursor %q", name)
	}
	defer poke(l.tend)
	return errors.Join(c.close(), l.dir.Remove(name+cursorSuffix), l.dir.Sync())
}

// openCursors opens the cursors that are there.
func (l *Ledger) openCursors() error {
	names, err := l.dir.List()
	if err != nil {
		return err
	}
	for _, file := range names {
		name, is := strings.CutSuffix(file, cursorSuffix)
		if !is || !cursorName.MatchString(name) {
			continue
		}
		c, err := l.openCursor(name, file)
		if corrupt, is := errors.AsType[*CorruptError](err); is {
			c = l.newCursor(name, l.state.first-1) // nobody knows better: nothing is removed
			c.damage = corrupt
		} else if err != nil {
			return err
		}
		l.cursors[name] = c
	}
	return nil
}

func (l *Ledger) openCursor(name, file string) (*Cursor, error) {
	s, value, err := openSlots(l.dir, file)
	if err != nil {
		return nil, err
	}
	committed, beyond, err := decodeCursor(value, l.id, file)
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	c := l.newCursor(name, committed)
	c.slots, c.beyond = s, beyond
	return c, nil
}

func (c *Cursor) encode(seq uint64, has *beyond) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, cursorSize), cursorVersion)
	b = append(b, c.ledger.id[:]...)
	b = le.AppendUint64(b, seq)
	return append(b, has[:]...)
}

func decodeCursor(b []byte, id ledgerID, file string) (seq uint64, has beyond, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < 8 || le.Uint64(b) != cursorVersion:
		return 0, has, errNewer
	case len(b) != cursorSize || ledgerID(b[8:24]) != id:
		return 0, has, &CorruptError{Segment: file, Reason: "it is the cursor of another ledger"}
	}
	return le.Uint64(b[24:]), beyond(b[32:]), nil
}

// Name returns the consumer's name.
func (c *Cursor) Name() string { return c.name }

// Committed returns the sequence number of the last entry that was committed.
func (c *Cursor) Committed() uint64 {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	return c.committed
}

// Next returns the entries that follow those that it returned last, at least one, at
// most so many, and not more than so many bytes unless it is one entry. It waits for
// entries until ctx ends. What it returns is synced, and the caller's.
//
// Where entries cannot be read it returns a *CorruptError once, and the next call
// goes on behind them.
func (c *Cursor) Next(ctx context.Context, most, bytes int) ([]Entry, error) {
	for {
		entries, next, err := c.nextNow(most, bytes)
		if len(entries) > 0 || err != nil {
			return entries, err
		}
		if err := c.ledger.waitFor(ctx, next); err != nil {
			return nil, err
		}
	}
}

// nextNow is Next without waiting. It also returns which entry there is none of yet.
func (c *Cursor) nextNow(most, bytes int) (entries []Entry, next uint64, err error) {
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	if c.closed {
		return nil, 0, ErrClosed
	}
	if err := c.failed; err != nil {
		c.failed = nil
		return nil, 0, err
	}
	for {
		for len(c.read) > 0 {
			if c.beyond.has(c.read[0].Seq - c.opened) {
				c.read = c.read[1:]
				continue
			}
			bytes -= len(c.read[0].Data)
			if len(entries) > 0 && (len(entries) >= most || bytes < 0) {
				return entries, 0, nil
			}
			entries = append(entries, c.read[0])
			c.read = c.read[1:]
		}
		from := c.walker.next
		frame, h, more, err := c.walker.walk()
		switch {
		case more:
			c.read = appendEntries(c.read[:0], frame, h, from)
		case len(entries) > 0:
			c.failed = err // whoever gets an error may take it that nothing came with it
			return entries, 0, nil
		default:
			return nil, from, err
		}
	}
}

// Position returns the sequence number of the last entry that Next has returned or
// left out.
func (c *Cursor) Position() uint64 {
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	if len(c.read) > 0 {
		return c.read[0].Seq - 1
	}
	return c.walker.next - 1
}

// appendEntries appends copies of the entries of a frame, from a sequence number on.
func appendEntries(dst []Entry, frame []byte, h frameHeader, from uint64) []Entry {
	body := append([]byte(nil), frame[frameHeaderSize:frameHeaderSize+int(h.body)]...)
	for seq := h.first; len(body) > 0; seq++ {
		var data []byte
		data, body = nextEntry(body)
		if seq >= from {
			dst = append(dst, Entry{Seq: seq, Data: data})
		}
	}
	return dst
}

// waitFor waits until the entry is synced.
func (l *Ledger) waitFor(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		if l.sound >= seq {
			l.mu.Unlock()
			return nil
		}
		if l.closed {
			l.mu.Unlock()
			return ErrClosed
		}
		if l.grown == nil {
			l.grown = make(chan struct{})
		}
		grown := l.grown
		l.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Commit says that the consumer has all entries up to seq, durably, and of those
// that follow the ones beyond, none of them further than MaxBeyond. When the ledger
// is opened anew, Next leaves these out. After an error the cursor stands where it
// stood or at seq.
func (c *Cursor) Commit(seq uint64, beyond ...uint64) error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	l := c.ledger
	l.mu.Lock()
	sound, committed := l.sound, c.committed
	l.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case seq > sound:
		return fmt.Errorf("ledger: entry %d cannot be committed; the last one is %d", seq, sound)
	case seq < committed || seq == committed && len(beyond) == 0:
		return nil
	}
	has, err := c.ahead(seq, sound, beyond)
	if err != nil {
		return err
	}
	if err := c.slots.write(c.encode(seq, has)); err != nil {
		return err
	}
	l.mu.Lock()
	c.committed = seq
	l.mu.Unlock()
	if l.config.retain {
		poke(l.tend)
	}
	return nil
}

// ahead returns which entries the consumer has that follow seq: those given, and
// those that it had when the cursor was opened.
func (c *Cursor) ahead(seq, sound uint64, given []uint64) (*beyond, error) {
	var has beyond
	for _, s := range given {
		if s <= seq || s > sound || s-seq > uint64(MaxBeyond) {
			return nil, fmt.Errorf("ledger: entry %d cannot be committed beyond %d; the last one is %d", s, seq, sound)
		}
		has.set(s - seq)
	}
	for s := seq + 1; s <= c.opened+uint64(MaxBeyond); s++ {
		if c.beyond.has(s - c.opened) {
			has.set(s - seq)
		}
	}
	return &has, nil
}

func (c *Cursor) close() error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	c.closed = true
	if c.slots == nil {
		return nil
	}
	return errors.Join(c.walker.leave(), c.slots.file.Close())
}

// find is the source of cursors.
func (l *Ledger) find(seq uint64, _ bool) (e extent, floor uint64, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	floor = l.extents[0].first
	if seq > l.sound {
		return e, floor, false, nil
	}
	c := catalogue{extents: l.extents}
	e, ok = c.find(max(seq, floor))
	if e.next == 0 {
		e.end = l.soundEnd
	}
	return e, floor, ok, nil
}

func (l *Ledger) open(number uint64) (*segment, error) {
	s, err := openSegment(l.dir, l.id, number)
	if errors.Is(err, fs.ErrNotExist) {
		err = missing(number) // retention never passes a cursor
	}
	return s, err
}
