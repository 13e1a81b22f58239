package delivery

import (
	"context"
	"fmt"
)

// replay exports the exporter's dead letters again.
func (f *follower) replay(ctx context.Context) (delivered int, err error) {
	f.letters.replaying.Lock()
	defer f.letters.replaying.Unlock()
	var last uint64 // those that come meanwhile are for the next time
	for letter, err := range f.letters.all(ctx) {
		if err != nil {
			return 0, err
		}
		last = letter.place
	}
	for letter, err := range f.letters.all(ctx) {
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
		if err := f.letters.passed(f.name, letter.place); err != nil {
			return delivered, err
		}
	}
	return delivered, nil
}

// exportAgain exports the record of a dead letter. Refused for good it becomes a new
// one.
func (f *follower) exportAgain(ctx context.Context, letter *DeadLetter) (delivered int, err error) {
	batch := []item{{seq: letter.Seq, record: letter.Record}}
	err = f.attempt(ctx, batch)
	if err == nil {
		return 1, nil
	}
	_, rejected := splitItems(batch, err)
	if len(rejected) == 0 {
		return 0, err
	}
	again := &DeadLetter{
		Exporter: f.name, Seq: letter.Seq, Reason: rejected[0].err.Error(), Attempts: letter.Attempts + 1, Record: letter.Record,
	}
	if err = f.letters.add(again); err == nil {
		f.metrics.deadLettered.Add(ctx, 1, f.metrics.exporter...)
	}
	return 0, err
}
