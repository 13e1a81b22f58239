package ledger

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
)

// loop runs a round whenever it is woken, and retries failed ones. It runs in its own
// goroutine.
func (p *Pairs) loop() {
	timer := time.NewTimer(maintainRetry)
	timer.Stop()
	for {
		select {
		case <-p.wake:
		case <-timer.C:
		case <-p.ledger.closing:
			return
		}
		if p.round() != nil {
			timer.Reset(maintainRetry)
		}
	}
}

// round reads what was appended, stores the result, and wakes the callers that wait
// for it.
func (p *Pairs) round() error {
	l := p.ledger
	l.mu.Lock()
	done, accepting, counted := p.roundDone, p.accepting, p.addedLoad
	counted.sub(p.appending) // the rest will be read by this round
	p.roundDone, p.appended = nil, 0
	l.mu.Unlock()
	var err error
	switch {
	case accepting || done != nil:
		if p.idle {
			p.moveToEnd()
		}
		if err = p.sync(); err == nil { // only synced entries are read
			_, err = p.readAppended() // damage is reported to those who read the entries
		}
		if err == nil {
			changed := p.applyReleased()
			err = p.finishRound(done != nil, changed, counted)
		}
	case p.savedSeq != noOpenPairs: // an earlier write failed
		p.idle = true
		err = errors.Join(p.walker.closeSegment(), p.save(noOpenPairs))
	}
	l.mu.Lock()
	p.roundErr = err
	l.mu.Unlock()
	if done != nil {
		close(done)
	}
	return err
}

// readAppended applies all synced entries that were not read yet. It skips damage and
// returns it.
func (p *Pairs) readAppended() (damage []error, err error) {
	for {
		from := p.walker.next
		frame, h, found, err := p.walker.walk()
		if corrupt, ok := errors.AsType[*CorruptError](err); ok {
			damage = append(damage, corrupt)
			continue
		}
		if !found || err != nil {
			return damage, err
		}
		eachEntry(frame, h, from, p.apply)
	}
}

// apply updates the open pairs with an entry. Applying an entry twice has no effect.
func (p *Pairs) apply(e Entry) {
	key, role := p.classify(e.Data)
	if role == PairNone {
		return
	}
	p.pairEntries++
	opened := p.open[key]
	switch {
	case role == PairOpen && opened == nil:
		p.open[key] = &Entry{Seq: e.Seq, Data: slices.Clone(e.Data)}
		p.openBytes += len(e.Data)
	case role == PairClose && opened != nil:
		delete(p.open, key)
		p.openBytes -= len(opened.Data)
	}
}

// finishRound stores what a round has read. If no pair is open and none is being
// opened, it stores noOpenPairs and becomes idle. appendWaiting reports whether a
// caller is about to append, changed that pairs were released, and counted is the part of
// addedLoad that the round has read.
func (p *Pairs) finishRound(appendWaiting, changed bool, counted pairLoad) error {
	l, seq := p.ledger, p.walker.next-1
	l.mu.Lock()
	idle := !appendWaiting && len(p.open) == 0 && p.pairEntries == 0 && p.appending.entries == 0 && !p.uncertain && p.lastOpened <= seq
	same := p.accepting && p.savedSeq == seq && !changed
	if idle {
		p.accepting, p.roundBytes = false, math.MaxInt64
	}
	l.mu.Unlock()
	p.pairEntries = 0
	if idle {
		p.idle = true
		return errors.Join(p.walker.closeSegment(), p.save(noOpenPairs))
	}
	if !same {
		if err := p.save(seq); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.accepting = true
	p.openLoad = pairLoad{entries: len(p.open), bytes: p.openBytes}
	p.addedLoad.sub(counted)
	return nil
}

// save stores the open pairs and the position up to which entries were read.
func (p *Pairs) save(seq uint64) error {
	l := p.ledger
	l.mu.Lock()
	if l.failed != nil { // another writer may use the file
		defer l.mu.Unlock()
		return l.failed
	}
	p.savedSeq = min(p.savedSeq, seq) // if writing fails, the file may hold either position
	l.mu.Unlock()
	if err := p.replaceIfLost(); err != nil {
		return err
	}
	body := encodeEntries(sortedEntries(p.open))
	if err := p.file.write(seq, body); err != nil {
		return err
	}
	l.mu.Lock()
	p.savedSeq, p.roundBytes = seq, math.MaxInt64
	if seq != noOpenPairs { // write less to the file than is appended to the ledger
		p.roundBytes = max(l.config.segmentSize/4, int64(len(body)))
	}
	l.mu.Unlock()
	notify(l.maintainWake)
	return nil
}

// replaceIfLost creates the pairs file again if somebody removed it, since retention removes
// what it covers. Until it is written, the new file makes the next process read everything.
func (p *Pairs) replaceIfLost() error {
	l := p.ledger
	err := l.dir.Verify(pairsFileName, p.file.slots.file)
	if _, lost := errors.AsType[*LostError](err); !lost {
		return err
	}
	l.mu.Lock()
	first := l.floor
	l.mu.Unlock()
	f, err := createPairsFile(l.dir, l.id, first-1)
	if err != nil {
		return err
	}
	l.addDamage(missingFile(pairsFileName))
	_ = p.file.close() // nobody can find it
	p.file = f
	return nil
}

// sortedEntries returns the entries in the order of the ledger.
func sortedEntries(open map[[16]byte]*Entry) []*Entry {
	return slices.SortedFunc(maps.Values(open), func(a, b *Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}

// moveToEnd continues reading at the end of the ledger. Earlier entries open no pair.
func (p *Pairs) moveToEnd() {
	l := p.ledger
	l.mu.Lock()
	e := l.readable(l.extents[len(l.extents)-1])
	l.mu.Unlock()
	p.idle = false
	p.walker = walker{source: l, next: e.next}
	if s, err := l.open(e); err == nil { // otherwise the walker reports it
		p.walker.current, p.walker.scanner = e, newScanner(s, e.end)
		p.walker.scanner.offset, p.walker.scanner.next = e.end, e.next
	}
}

// close stores what was read and closes the file. Nothing is appended any more.
// certain reports whether the outcome of every Append is known.
func (p *Pairs) close(certain bool) error {
	if p.file == nil {
		return nil
	}
	var err error
	if p.classify != nil && !p.idle {
		l := p.ledger
		l.mu.Lock()
		p.uncertain = !certain && (p.uncertain || p.appending.entries > 0)
		p.appending, p.lastOpened = pairLoad{}, 0
		l.mu.Unlock()
		if _, err = p.readAppended(); err == nil {
			p.pairEntries = 0
			err = p.finishRound(false, p.applyReleased(), pairLoad{})
		}
		err = errors.Join(err, p.walker.closeSegment())
	}
	return errors.Join(err, p.file.close())
}
