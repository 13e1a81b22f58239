package delivery

import (
	"context"
	"iter"
)

// DeadLetters returns what the exporters of the ledger rejected permanently, from the
// oldest.
func (d *Ledger) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for letter, err := range d.deadLetters.all(ctx) {
			if !yield(letter.DeadLetter, err) {
				return
			}
		}
	}
}

// Replay exports the dead letters of an exporter again. It reports false if the ledger
// has no exporter of that name.
func (d *Ledger) Replay(ctx context.Context, exporter string) (delivered int, found bool, err error) {
	for _, f := range d.followers {
		if f.name == exporter {
			delivered, err = f.replay(ctx)
			return delivered, true, err
		}
	}
	return 0, false, nil
}
