package delivery

import (
	"context"
	"iter"
)

// DeadLetters returns the dead letters of the ledger's exporters, the oldest first.
func (d *Ledger) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for letter, err := range d.deadLetters.all(ctx) {
			if !yield(letter.DeadLetter, err) {
				return
			}
		}
	}
}

// Replay exports an exporter's dead letters again and returns how many it delivered. It
// sets found to false if the ledger has no exporter of that name.
func (d *Ledger) Replay(ctx context.Context, exporter string) (delivered int, found bool, err error) {
	for _, f := range d.followers {
		if f.name == exporter {
			delivered, err = f.replay(ctx)
			return delivered, true, err
		}
	}
	return 0, false, nil
}
