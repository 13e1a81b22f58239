package ledger

import (
	"context"
	"errors"
	"fmt"
)

// ErrCrowded means that MaxPairs or MaxPairBytes is reached. Nothing was stored.
var ErrCrowded = errors.New("ledger: too many entries wait for those that close them; nothing was stored")

// Append stores an entry that opens a pair, as Ledger.Append does. The error may also
// match ErrCrowded.
func (p *Pairs) Append(ctx context.Context, entry []byte) (seq uint64, err error) {
	one := load{entries: 1, bytes: len(entry)}
	if err := p.enter(ctx, one); err != nil {
		return 0, err
	}
	seq, err = p.ledger.Append(ctx, entry)
	p.leave(one, seq, err)
	return seq, err
}

// rounds is how often an entry waits for room that the next round may find, because
// pairs were closed since the last one.
const rounds = 3

// enter waits until the entry would be found again after a crash.
func (p *Pairs) enter(ctx context.Context, one load) error {
	l := p.ledger
	for round := 0; ; round++ {
		l.mu.Lock()
		if err := l.refusal(); err != nil {
			l.mu.Unlock()
			return err
		}
		total := p.held
		total.add(p.entered)
		total.add(one)
		full := total.entries > MaxPairs || total.bytes > MaxPairBytes
		switch {
		case p.live && !full:
			p.inside.add(one)
			p.entered.add(one)
			early := 2*p.entered.entries == MaxPairs-p.held.entries
			l.mu.Unlock()
			if early { // so that nobody has to wait
				poke(p.wake)
			}
			return nil
		case round > 0 && p.obstacle != nil:
			err := p.obstacle
			l.mu.Unlock()
			return fmt.Errorf("ledger: nothing was stored: %w", err)
		case round == rounds && full:
			l.mu.Unlock()
			return ErrCrowded
		}
		if p.answered == nil {
			p.answered = make(chan struct{})
		}
		answered := p.answered
		l.mu.Unlock()
		poke(p.wake)
		select {
		case <-answered:
		case <-l.closing:
			return ErrClosed
		case <-ctx.Done():
			return errors.Join(errBusy, ctx.Err())
		}
	}
}

func (p *Pairs) leave(one load, seq uint64, err error) {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	p.inside.sub(one)
	p.last = max(p.last, seq)
	p.doubt = p.doubt || errors.Is(err, ErrMaybeStored)
}
