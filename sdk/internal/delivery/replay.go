package delivery

import (
	"context"
	"fmt"
)

// replay exports the exporter's dead letters again.
func (f *follower) replay(ctx context.Context) (delivered int, err error) {
	f.letters.replaying.Lock()
	defer f.letters.replaying.Unlock()
	var last uint64 // later dead letters are left for the next replay
	for letter, err := range f.letters.all(ctx) {
		if err != nil && !isLostLetter(err) {
			return 0, err
		}
		last = max(last, letter.place)
	}
	for letter, err := range f.letters.all(ctx) {
		if isLostLetter(err) {
			continue // the others can still be replayed
		}
		if err != nil {
			return delivered, err
		}
		if letter.place > last {
			break
		}
		if letter.Exporter != f.name || letter.Replayed {
			continue
		}
		if letter.Record != nil {
			n, err := f.exportAgain(ctx, &letter.DeadLetter)
			delivered += n
			if err != nil {
				return delivered, fmt.Errorf("sdk: replaying dead letters of %s: %w", f.name, err)
			}
		}
		if err := f.letters.setReplayed(f.name, letter.place); err != nil {
			return delivered, err
		}
	}
	return delivered, f.letters.removeReplayed(ctx)
}

// exportAgain exports the record of a dead letter. If the exporter rejects it permanently,
// it becomes a new dead letter.
func (f *follower) exportAgain(ctx context.Context, letter *DeadLetter) (delivered int, err error) {
	batch := []item{{seq: letter.Seq, record: letter.Record}}
	err = f.attempt(ctx, batch)
	if err == nil {
		return 1, nil
	}
	_, rejected, reasons := split(batch, err)
	if len(rejected) == 0 {
		return 0, err
	}
	again := &DeadLetter{
		Exporter: f.name, Seq: letter.Seq, Reason: reasons[0].Error(), Attempts: letter.Attempts + 1, Record: letter.Record,
	}
	if err = f.letters.add(again); err == nil {
		f.metrics.deadLettered.Add(ctx, 1, f.metrics.exporter...)
	}
	return 0, err
}
