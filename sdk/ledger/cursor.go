package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/opendeed/audit/internal/names"
)

// MaxCommitAhead is how far past its position a cursor can record committed entries.
const MaxCommitAhead = 8 * len(aheadSet{})

// Cursor is the durable position of a consumer in a ledger. Next and Commit may be
// called concurrently, but only one goroutine may call Next at a time.
type Cursor struct {
	ledger *Ledger
	name   string

	// committed is guarded by the ledger's mu.
	committed uint64

	commitMu sync.Mutex
	file     *slotFile // nil if damaged
	damage   error     // what is wrong with the file, until restart

	nextMu      sync.Mutex // held by Next, but not while it waits
	walker      walker
	buffered    []Entry  // entries of the last frame that Next has not returned yet
	nextErr     error    // the error that the next call of Next returns
	openedAt    uint64   // committed position when the cursor was opened
	openedAhead aheadSet // entries after openedAt that were committed before
	closed      bool
}

// Cursor returns the cursor with the given name, which must match [a-z0-9_-]{1,64}. It
// creates the cursor, positioned before the oldest entry, if it does not exist.
// Retention keeps every entry that an existing cursor has not committed, even if the
// cursor is not opened again; RemoveCursor ends that.
//
// If the cursor's file is damaged, the cursor starts again before the oldest entry, so
// its consumer gets entries again. [Ledger.Recovery] reports that, and the damaged file is
// kept under another name.
func (l *Ledger) Cursor(name string) (*Cursor, error) {
	if !names.Valid(name) {
		return nil, errors.New("ledger: cursor name must match [a-z0-9_-]{1,64}")
	}
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	l.mu.Lock()
	c, closed, oldest := l.cursors[name], l.closed, l.floor
	l.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if c != nil && c.damage != nil {
		if err := c.restart(); err != nil {
			return nil, err
		}
	}
	if c != nil {
		return c, nil
	}
	c = l.newCursor(name, oldest-1)
	var err error
	if c.file, err = createSlotFile(l.dir, name+cursorSuffix, c.encode(c.committed, &aheadSet{})); err != nil {
		return nil, nameDir(err, l.dir.Path())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursors[name] = c
	return c, nil
}

// restart replaces the damaged file of a cursor.
func (c *Cursor) restart() error {
	file := c.name + cursorSuffix
	if err := setAside(c.ledger.dir, file); err != nil {
		return fmt.Errorf("ledger: cursor %s: %w", c.name, err)
	}
	var err error
	if c.file, err = createSlotFile(c.ledger.dir, file, c.encode(c.Committed(), &aheadSet{})); err != nil {
		return err
	}
	c.damage = nil
	return nil
}

func (l *Ledger) newCursor(name string, committed uint64) *Cursor {
	c := &Cursor{ledger: l, name: name, committed: committed, openedAt: committed}
	c.walker = walker{source: l, next: committed + 1}
	return c
}

// RemoveCursor removes a cursor and its file, and no longer keeps entries for it. The
// Cursor must not be used afterwards.
func (l *Ledger) RemoveCursor(name string) error {
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	l.mu.Lock()
	c := l.cursors[name]
	delete(l.cursors, name)
	l.mu.Unlock()
	if c == nil {
		return fmt.Errorf("ledger: %s has no cursor %q", l.dir.Path(), name)
	}
	defer notify(l.maintainWake)
	return errors.Join(c.close(), l.dir.Remove(name+cursorSuffix), l.dir.Sync())
}

// Name returns the name of the cursor.
func (c *Cursor) Name() string { return c.name }

// Committed returns the sequence number up to which all entries are committed.
func (c *Cursor) Committed() uint64 {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	return c.committed
}

// Next returns the entries after those that it returned last. It returns at least one
// entry and at most maxEntries, with at most maxBytes of data unless the first entry
// alone is larger. If there are none, it waits until ctx ends. All returned entries
// are synced, and the caller owns their data.
//
// If entries cannot be read, Next returns a *CorruptError that names them once. The next
// call continues after them.
func (c *Cursor) Next(ctx context.Context, maxEntries, maxBytes int) ([]Entry, error) {
	for {
		entries, missing, err := c.tryNext(maxEntries, maxBytes)
		if len(entries) > 0 || err != nil {
			return entries, err
		}
		if err := c.ledger.waitSynced(ctx, missing); err != nil {
			return nil, err
		}
	}
}

// tryNext is Next without waiting. If there are no entries, it returns the sequence
// number of the first missing one.
func (c *Cursor) tryNext(maxEntries, bytesLeft int) (entries []Entry, missing uint64, err error) {
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	if c.closed {
		return nil, 0, ErrClosed
	}
	if err := c.nextErr; err != nil {
		c.nextErr = nil
		return nil, 0, c.located(err)
	}
	for {
		for len(c.buffered) > 0 {
			if c.openedAhead.has(c.buffered[0].Seq - c.openedAt) {
				c.buffered = c.buffered[1:]
				continue
			}
			bytesLeft -= len(c.buffered[0].Data)
			if len(entries) > 0 && (len(entries) >= maxEntries || bytesLeft < 0) {
				return entries, 0, nil
			}
			entries = append(entries, c.buffered[0])
			c.buffered = c.buffered[1:]
		}
		from := c.walker.next
		frame, h, found, err := c.walker.walk()
		switch {
		case found:
			c.buffered = appendEntries(c.buffered[:0], frame, h, from)
		case len(entries) > 0:
			c.nextErr = err // an error is never returned with entries
			return entries, 0, nil
		default:
			return nil, from, c.located(err)
		}
	}
}

// located adds the directory to an error, and remembers damage.
func (c *Cursor) located(err error) error {
	if corrupt, ok := errors.AsType[*CorruptError](err); ok {
		c.ledger.addDamage(corrupt)
	}
	return locate(err, c.ledger.dir.Path())
}

// Position returns the sequence number of the last entry that Next returned or
// skipped.
func (c *Cursor) Position() uint64 {
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	if len(c.buffered) > 0 {
		return c.buffered[0].Seq - 1
	}
	return c.walker.next - 1
}

// waitSynced waits until the entry is synced.
func (l *Ledger) waitSynced(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		if l.synced >= seq {
			l.mu.Unlock()
			return nil
		}
		if l.closed {
			l.mu.Unlock()
			return ErrClosed
		}
		if l.moreSynced == nil {
			l.moreSynced = make(chan struct{})
		}
		moreSynced := l.moreSynced
		l.mu.Unlock()
		select {
		case <-moreSynced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Commit durably records that the consumer has all entries up to seq, and also the
// later entries listed in ahead. These must be synced and at most MaxCommitAhead past
// seq. After the ledger is opened again, Next skips all of them. If Commit fails, the
// stored position is the previous one or seq.
func (c *Cursor) Commit(seq uint64, ahead ...uint64) error {
	return nameDir(c.commit(seq, ahead), c.ledger.dir.Path())
}

func (c *Cursor) commit(seq uint64, ahead []uint64) error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	l := c.ledger
	l.mu.Lock()
	synced, committed, failed := l.synced, c.committed, l.failed
	l.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case failed != nil: // another writer may use the file
		return failed
	case seq > synced:
		return fmt.Errorf("ledger: cannot commit entry %d: the last synced entry is %d", seq, synced)
	case seq < committed || seq == committed && len(ahead) == 0:
		return nil
	}
	set, err := c.mergeAhead(seq, synced, ahead)
	if err != nil {
		return err
	}
	if err := c.file.write(c.encode(seq, set)); err != nil {
		return err
	}
	l.mu.Lock()
	c.committed = seq
	l.mu.Unlock()
	if l.config.retain {
		notify(l.maintainWake)
	}
	return nil
}

// mergeAhead returns the committed entries after seq: those in seqs, and those known
// when the cursor was opened.
func (c *Cursor) mergeAhead(seq, synced uint64, seqs []uint64) (*aheadSet, error) {
	var ahead aheadSet
	for _, s := range seqs {
		if s <= seq || s > synced || s-seq > uint64(MaxCommitAhead) {
			return nil, fmt.Errorf("ledger: cannot commit entry %d ahead of position %d: it must follow within %d entries, and the last synced entry is %d", s, seq, MaxCommitAhead, synced)
		}
		ahead.set(s - seq)
	}
	for s := seq + 1; s <= c.openedAt+uint64(MaxCommitAhead); s++ {
		if c.openedAhead.has(s - c.openedAt) {
			ahead.set(s - seq)
		}
	}
	return &ahead, nil
}

func (c *Cursor) close() error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	c.nextMu.Lock()
	defer c.nextMu.Unlock()
	c.closed = true
	if c.file == nil {
		return nil
	}
	return errors.Join(c.walker.closeSegment(), c.file.file.Close())
}
