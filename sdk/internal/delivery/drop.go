package delivery

import (
	"context"
	"errors"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
)

// Giving says which dead letters somebody gives up, and why.
type Giving struct {
	Exporter string
	Through  uint64 // the last entry; 0 for all
	Reason   string
}

var errNoDropReason = errors.New("sdk: giving up dead letters needs a reason")

// Drop gives up dead letters between two records of t: that of the attempt, and that of its
// result. It returns how many they are.
func (d *Ledger) Drop(ctx context.Context, t audit.Tracker, g Giving) (dropped int, err error) {
	if strings.TrimSpace(g.Reason) == "" {
		return 0, errNoDropReason
	}
	d.deadLetters.replaying.Lock()
	defer d.deadLetters.replaying.Unlock()
	waiting, err := d.deadLetters.waiting(ctx, g)
	if err != nil || waiting.count == 0 {
		return 0, err
	}
	event := audit.Event{
		Action: semconv.ActionDeadLetterDrop, Operation: audit.OperationDelete, Reason: g.Reason,
		Target: audit.Target{Type: "audit.exporter", ID: g.Exporter},
	}
	event.Metadata = append(event.Metadata, semconv.TrailLogKey.String(d.ID()), semconv.TrailRecordsKey.Int(waiting.count),
		semconv.TrailFirstKey.Int64(int64(waiting.first)), semconv.TrailLastKey.Int64(int64(waiting.last)))
	err = audit.Do(ctx, t, event, func(context.Context) error {
		err := d.deadLetters.setReplayed(g.Exporter, waiting.place)
		if err == nil {
			dropped = waiting.count
		}
		return err
	})
	return dropped, err
}

// waitingLetters are dead letters that were not replayed: how many, their first and last
// entry, and the place of the last letter.
type waitingLetters struct {
	count       int
	first, last uint64
	place       uint64
}

// waiting returns which dead letters a Drop gives up.
func (d *deadLetters) waiting(ctx context.Context, g Giving) (w waitingLetters, err error) {
	for letter, err := range d.all(ctx) {
		if isLostLetter(err) {
			continue
		}
		if err != nil {
			return w, err
		}
		if letter.Exporter != g.Exporter || letter.Replayed {
			continue
		}
		if g.Through != 0 && letter.Seq > g.Through {
			break // letters are in the order of the places, and later ones stay
		}
		if w.count++; w.count == 1 {
			w.first = letter.Seq
		}
		w.first, w.last, w.place = min(w.first, letter.Seq), max(w.last, letter.Seq, letter.Through), letter.place
	}
	return w, nil
}
