package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Part says what an entry is to a pair.
type Part int

// The parts that an entry may have.
const (
	PartNone   Part = iota // it is of no pair
	PartOpens              // it opens one
	PartCloses             // it closes the one that was opened under its key
)

// PartFunc tells what an entry is to a pair, and the key of the pair. It must not keep
// or change the entry, and must always tell the same.
type PartFunc func(entry []byte) (key [16]byte, part Part)

// MaxPairs is how many pairs may be open at the same time, and MaxPairBytes how many
// bytes the entries that opened them may have together.
const (
	MaxPairs     = 10_000
	MaxPairBytes = 64 << 20
)

// Pairs keeps the entries that opened a pair which no later entry has closed. What is
// open follows from the ledger alone: a goroutine reads what was appended and writes
// down, each time the ledger has grown by a quarter of a segment, how far it has read
// and what was open there. Opening the ledger reads on from that place. So neither an
// entry that opens nor one that closes costs a sync of its own, a crash at any moment
// leaves nothing to reconcile, and only the first one that opens a pair after a long
// time without waits for a write, which says that there are such entries again.
//
// What was not read yet is not removed by retention. Its methods may be called by
// several goroutines at the same time.
type Pairs struct {
	ledger *Ledger
	tell   PartFunc      // nil until Ledger.Pairs was called
	wake   chan struct{} // for the goroutine

	// These belong to whoever opens the ledger, then to the goroutine, then to Close.
	file    *pairsFile // nil if there is none
	walker  walker
	loaded  []Entry // by openPairs
	open    map[[16]byte]*Entry
	size    int  // bytes of open
	parts   int  // how many entries of pairs were read since the last round
	restart bool // nothing was read lately: there was nothing to be found

	// These are guarded by the ledger's mutex.
	saved    uint64        // the place in the file: later entries are not to be removed
	live     bool          // entries that open pairs may be appended
	inside   load          // what is being appended
	last     uint64        // the last one that was
	doubt    bool          // one may have been
	held     load          // what was open at the last round,
	entered  load          // and came since then
	grown    int64         // what was appended since the last round
	due      int64         // how much there is to be for a round
	answered chan struct{} // closed after the next round; nil if nobody waits
	obstacle error         // why the last round failed
}

// load is a number of entries that open pairs, and of their bytes.
type load struct{ entries, bytes int }

func (l *load) add(o load) { l.entries, l.bytes = l.entries+o.entries, l.bytes+o.bytes }
func (l *load) sub(o load) { l.entries, l.bytes = l.entries-o.entries, l.bytes-o.bytes }

// PairsFound is what Ledger.Pairs found.
type PairsFound struct {
	// Open are the entries that opened a pair which none has closed, in their order.
	Open []Entry
	// Damage is what keeps Open from being all of them, or what is in it from being
	// closed already.
	Damage []error
}

// openPairs opens the file, before the ledger is used. A damaged one keeps everything
// from being removed.
func (l *Ledger) openPairs() error {
	l.pairs = &Pairs{ledger: l, wake: make(chan struct{}, 1), open: map[[16]byte]*Entry{}, due: math.MaxInt64}
	p := l.pairs
	var err error
	p.file, p.saved, p.loaded, err = openPairsFile(l.dir, l.id)
	if _, damaged := errors.AsType[*CorruptError](err); damaged {
		return nil // Pairs tells
	}
	return err
}

// Pairs returns what keeps the entries that opened a pair which none has closed, and
// those that there are. tell says which entries do. It is to be called once, before
// anything is appended, and from then on entries that open pairs are to be appended by
// Pairs.Append.
//
// Where the file is missing or damaged, the whole ledger is read.
func (l *Ledger) Pairs(tell PartFunc) (*Pairs, *PairsFound, error) {
	l.mu.Lock()
	p, closed, kept := l.pairs, l.closed, l.pairs.tell != nil
	if !closed && !kept {
		p.tell = tell
	}
	l.mu.Unlock()
	switch {
	case closed:
		return nil, nil, ErrClosed
	case kept:
		return nil, nil, errors.New("ledger: its pairs are kept already")
	}
	found, err := p.begin()
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: pairs: %w", err)
	}
	l.owned.Go(p.loop)
	return p, found, nil
}

// begin reads what the file does not know, and has entries appended from then on.
func (p *Pairs) begin() (*PairsFound, error) {
	stats := p.ledger.Stats()
	found := &PairsFound{}
	switch {
	case p.file == nil:
		damage, err := p.rebuild(stats)
		if err != nil {
			return nil, err
		}
		found.Damage = damage
	case p.saved < stats.First-1: // the newer one of its two copies was damaged
		found.Damage = []error{&CorruptError{
			Segment: pairsName, From: p.saved + 1, To: stats.First - 1,
			Reason: "entries were removed before they were read",
		}}
	}
	for _, e := range p.loaded {
		p.read(e)
	}
	p.loaded = nil
	p.restart = p.saved == nothingFollows
	if p.restart {
		return found, nil
	}
	p.walker = walker{source: p.ledger, next: p.saved + 1}
	damage, err := p.fold()
	if err != nil {
		return nil, err
	}
	found.Damage = append(found.Damage, damage...)
	for _, e := range sorted(p.open) {
		found.Open = append(found.Open, *e)
	}
	p.parts = 0
	return found, p.settle(false, load{})
}

// rebuild makes the file anew.
func (p *Pairs) rebuild(stats Stats) (damage []error, err error) {
	l, place := p.ledger, stats.First-1
	if stats.Next == stats.First {
		place = nothingFollows
	}
	if p.saved != nothingFollows {
		damage = []error{&CorruptError{Segment: pairsName, Reason: "neither of its two copies is as it was written"}}
	} else if place != nothingFollows {
		damage = []error{&CorruptError{Segment: pairsName, Reason: "it is missing, while there are entries"}}
	}
	f, err := createPairsFile(l.dir, l.id, place)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.file, p.saved = f, place
	return damage, nil
}

// sorted returns the entries in the order of the ledger.
func sorted(open map[[16]byte]*Entry) []*Entry {
	return slices.SortedFunc(maps.Values(open), func(a, b *Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}

// fold reads on, around what is damaged.
func (p *Pairs) fold() (damage []error, err error) {
	for {
		from := p.walker.next
		frame, h, more, err := p.walker.walk()
		if corrupt, is := errors.AsType[*CorruptError](err); is {
			damage = append(damage, corrupt)
			continue
		}
		if !more || err != nil {
			return damage, err
		}
		yieldEntries(frame, h, from, func(e Entry, _ error) bool {
			p.read(e)
			return true
		})
	}
}

// read takes an entry into account. Entries that it knows already change nothing.
func (p *Pairs) read(e Entry) {
	key, part := p.tell(e.Data)
	if part == PartNone {
		return
	}
	p.parts++
	was := p.open[key]
	switch {
	case part == PartOpens && was == nil:
		p.open[key] = &Entry{Seq: e.Seq, Data: slices.Clone(e.Data)}
		p.size += len(e.Data)
	case part == PartCloses && was != nil:
		delete(p.open, key)
		p.size -= len(was.Data)
	}
}

// save writes down what was read.
func (p *Pairs) save(place uint64) error {
	l := p.ledger
	l.mu.Lock()
	p.saved = min(p.saved, place) // also if that fails: the file may say either
	l.mu.Unlock()
	body := encodeOpen(sorted(p.open))
	if err := p.file.write(place, body); err != nil {
		return err
	}
	l.mu.Lock()
	p.saved, p.due = place, math.MaxInt64
	if place != nothingFollows { // what is written is to be less than what is appended
		p.due = max(l.config.segmentSize/4, int64(len(body)))
	}
	l.mu.Unlock()
	poke(l.tend)
	return nil
}

// settle writes down what was read, or that there is nothing to be found from here on.
// wanted says that somebody is about to append, and before what of those that came
// since the last round was stored before it was read on.
func (p *Pairs) settle(wanted bool, before load) error {
	l, place := p.ledger, p.walker.next-1
	l.mu.Lock()
	idle := !wanted && len(p.open) == 0 && p.parts == 0 && p.inside.entries == 0 && !p.doubt && p.last <= place
	same := p.live && p.saved == place
	if idle {
		p.live, p.due = false, math.MaxInt64
	}
	l.mu.Unlock()
	p.parts = 0
	if idle {
		p.restart = true
		return errors.Join(p.walker.leave(), p.save(nothingFollows))
	}
	if !same {
		if err := p.save(place); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.live = true
	p.held = load{entries: len(p.open), bytes: p.size}
	p.entered.sub(before)
	return nil
}

// loop is the goroutine.
func (p *Pairs) loop() {
	timer := time.NewTimer(keeperRetry)
	timer.Stop()
	for {
		select {
		case <-p.wake:
		case <-timer.C:
		case <-p.ledger.closing:
			return
		}
		if p.round() != nil {
			timer.Reset(keeperRetry)
		}
	}
}

// round reads what was appended, and answers those who wait for that.
func (p *Pairs) round() error {
	l := p.ledger
	l.mu.Lock()
	answered, live, before := p.answered, p.live, p.entered
	before.sub(p.inside) // those that will be read
	p.answered, p.grown = nil, 0
	l.mu.Unlock()
	var err error
	switch {
	case live || answered != nil:
		if p.restart {
			p.skip()
		}
		if err = l.Sync(); err == nil { // only what is synced is read
			_, err = p.fold() // whoever reads the entries reports damage
		}
		if err == nil {
			err = p.settle(answered != nil, before)
		}
	case p.saved != nothingFollows: // it could not be written
		p.restart = true
		err = errors.Join(p.walker.leave(), p.save(nothingFollows))
	}
	l.mu.Lock()
	p.obstacle = err
	l.mu.Unlock()
	if answered != nil {
		close(answered)
	}
	return err
}

// skip moves to the end: there is nothing to be found before it.
func (p *Pairs) skip() {
	l := p.ledger
	l.mu.Lock()
	e, sound := l.extents[len(l.extents)-1], l.sound
	e.end = l.soundEnd
	l.mu.Unlock()
	p.restart = false
	p.walker = walker{source: l, next: sound + 1}
	if s, err := l.open(e.number); err == nil { // else the walker tells
		p.walker.current, p.walker.scanner = e, newScanner(s, e.end)
		p.walker.scanner.offset, p.walker.scanner.next = e.end, sound+1
	}
}

// finish is called when nobody appends any more. known says that what becomes of all
// that was appended is known.
func (p *Pairs) finish(known bool) error {
	if p.file == nil {
		return nil
	}
	var err error
	if p.tell != nil && !p.restart {
		l := p.ledger
		l.mu.Lock()
		p.doubt = !known && (p.doubt || p.inside.entries > 0)
		p.inside, p.last = load{}, 0
		l.mu.Unlock()
		if _, err = p.fold(); err == nil {
			p.parts = 0
			err = p.settle(false, load{})
		}
		err = errors.Join(err, p.walker.leave())
	}
	return errors.Join(err, p.file.close())
}
