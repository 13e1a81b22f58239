package ledger

import (
	"context"
	"errors"
	"fmt"
)

// Append stores an entry that opens a pair. It works like [Ledger.Append], and its
// error may also match ErrTooManyPairs.
func (p *Pairs) Append(ctx context.Context, entry []byte) (seq uint64, err error) {
	load := pairLoad{entries: 1, bytes: len(entry)}
	if err := p.reserve(ctx, load); err != nil {
		return 0, err
	}
	seq, err = p.ledger.Append(ctx, entry)
	p.release(load, seq, err)
	return seq, err
}

// maxRounds is how many rounds reserve waits for closed pairs to make room.
const maxRounds = 3

// reserve waits until the pairs file allows the entry, so it is found after a crash,
// and until the limits have room for it.
func (p *Pairs) reserve(ctx context.Context, load pairLoad) error {
	l := p.ledger
	for round := 0; ; round++ {
		l.mu.Lock()
		if err := l.checkWritable(); err != nil {
			l.mu.Unlock()
			return err
		}
		total := p.openLoad
		total.add(p.addedLoad)
		total.add(load)
		full := total.entries > MaxOpenPairs || total.bytes > MaxOpenPairBytes
		switch {
		case p.accepting && !full:
			p.appending.add(load)
			p.addedLoad.add(load)
			early := 2*p.addedLoad.entries == MaxOpenPairs-p.openLoad.entries
			l.mu.Unlock()
			if early { // a round now saves later callers the wait
				notify(p.wake)
			}
			return nil
		case round > 0 && p.roundErr != nil:
			err := p.roundErr
			l.mu.Unlock()
			return fmt.Errorf("ledger: nothing was stored: %w", nameDir(err, l.dir.Path()))
		case round == maxRounds && full:
			l.mu.Unlock()
			return ErrTooManyPairs
		}
		if p.roundDone == nil {
			p.roundDone = make(chan struct{})
		}
		roundDone := p.roundDone
		l.mu.Unlock()
		notify(p.wake)
		select {
		case <-roundDone:
		case <-l.closing:
			return ErrClosed
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%w in %s", errBusy, l.dir.Path()), ctx.Err())
		}
	}
}

// release ends an Append that reserve has allowed.
func (p *Pairs) release(load pairLoad, seq uint64, err error) {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	p.appending.sub(load)
	p.lastOpened = max(p.lastOpened, seq)
	p.uncertain = p.uncertain || errors.Is(err, ErrMaybeStored)
}
