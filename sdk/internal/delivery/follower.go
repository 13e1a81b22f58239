package delivery

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// follower exports the records of a ledger to one exporter. One goroutine makes all
// Export calls except those of a replay.
type follower struct {
	sink
	config  Config
	ledger  *ledger.Ledger
	log     string // the ID of the ledger
	cursor  *ledger.Cursor
	records *decoder
	letters *deadLetters
	courier *courier // nil if the exporter keeps no checkpoints

	life    context.Context // ends when the running export is abandoned
	abort   context.CancelFunc
	waiting context.Context // ends when the follower must no longer wait for entries
	drain   context.CancelFunc
	turn    chan struct{} // holds an element while Export runs
	wake    chan struct{} // has an element when a pause must end
	done    chan struct{} // closed when the goroutine has returned

	mu       sync.Mutex
	through  uint64        // every entry up to this one was exported or rejected
	target   uint64        // a flush waits for every entry up to this one
	progress chan struct{} // closed when through grows; nil if no flush waits
}

// item is an entry of the ledger on its way to the exporter.
type item struct {
	seq    uint64
	record *record.Record // nil if the entry is not a record
	raw    []byte
	err    error // why it is not a record
}

func newFollower(l *ledger.Ledger, cursor *ledger.Cursor, to Following, records *decoder, letters *deadLetters, env Env) *follower {
	f := &follower{
		sink:    newSink(to.Exporter, env),
		config:  to.Config,
		ledger:  l,
		log:     logID(l),
		cursor:  cursor,
		records: records,
		letters: letters,
		turn:    make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		through: cursor.Committed(),
	}
	f.life, f.abort = context.WithCancel(context.Background())
	f.waiting, f.drain = context.WithCancel(f.life)
	return f
}

// logID returns the ID of a ledger, as places and archives have it.
func logID(l *ledger.Ledger) string {
	id := l.ID()
	return hex.EncodeToString(id[:])
}

// loop runs in its own goroutine.
func (f *follower) loop() {
	defer close(f.done)
	for {
		batch, err := f.fill()
		if !f.exportAll(batch) {
			return
		}
		first, last, lost := lostEntries(err)
		switch {
		case err == nil:
		case lost:
			f.reportLoss(first, last, err)
		case f.waiting.Err() != nil:
			return
		default:
			f.logger.Error("audit: the ledger cannot be read; trying again", slog.String("exporter", f.name), slog.Any("error", err))
			sleep(f.life, f.config.delay(1, err), f.wake)
		}
	}
}

// fill waits for a first record, then until the batch is full or BatchInterval has passed.
func (f *follower) fill() ([]item, error) {
	limit, bytes := f.config.BatchSize, f.config.BatchBytes
	entries, err := f.cursor.Next(ended, limit, bytes)
	if len(entries) == 0 && errors.Is(err, context.Canceled) {
		f.advance(f.cursor.Position(), nil)
		entries, err = f.cursor.Next(f.waiting, limit, bytes)
	}
	if err == nil && len(entries) < limit && f.mayWait() {
		sleep(f.waiting, f.config.BatchInterval, f.wake)
		var more []ledger.Entry
		more, err = f.cursor.Next(ended, limit-len(entries), bytes-size(entries))
		entries = append(entries, more...)
		if errors.Is(err, context.Canceled) {
			err = nil // the ledger has no more entries
		}
	}
	batch := make([]item, 0, len(entries))
	for _, e := range entries {
		r, decodeErr := f.records.decode(e)
		batch = append(batch, item{seq: e.Seq, record: r, raw: e.Data, err: decodeErr})
	}
	return batch, err
}

// ended is a context that has ended, for calls that must not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func size(entries []ledger.Entry) (n int) {
	for _, e := range entries {
		n += len(e.Data)
	}
	return n
}

// mayWait reports whether an incomplete batch may wait for more records.
func (f *follower) mayWait() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.through >= f.target && f.waiting.Err() == nil
}

// exportAll exports the batch and retries what failed until it succeeds. It returns false
// if it was aborted.
func (f *follower) exportAll(batch []item) bool {
	if len(batch) == 0 {
		return true
	}
	left, ok := f.rejectUnreadable(batch)
	for attempt := 1; ok && len(left) > 0; attempt++ {
		err := f.attempt(f.life, left)
		again, rejected, reasons := split(left, err)
		for i, r := range rejected {
			letter := &DeadLetter{Seq: r.seq, Reason: reasons[i].Error(), Attempts: attempt, Record: r.record}
			if !f.tryDeadLetter(letter) {
				again = append(again, r) // the exporter may accept it before there is room for a letter
			}
		}
		slices.SortFunc(again, func(a, b item) int { return cmp.Compare(a.seq, b.seq) })
		if left = again; len(left) == 0 {
			break
		}
		f.advance(left[0].seq-1, doneAhead(batch, left))
		f.metrics.retried.Add(f.life, int64(len(left)), f.metrics.exporter...)
		f.logger.Warn("audit: an export failed; trying again", slog.String("exporter", f.name),
			slog.Int("records", len(left)), slog.Int("attempt", attempt), slog.Any("error", err))
		ok = sleep(f.life, f.config.delay(attempt, err), f.wake)
	}
	if ok {
		f.advance(batch[len(batch)-1].seq, nil)
	}
	return ok
}

// rejectUnreadable turns entries that are not records into dead letters, and returns the
// others. It sets ok to false if it was aborted.
func (f *follower) rejectUnreadable(batch []item) (left []item, ok bool) {
	for _, it := range batch {
		if it.err == nil {
			left = append(left, it)
		} else if !f.addDeadLetter(&DeadLetter{Seq: it.seq, Reason: "the entry is not a record: " + it.err.Error(), Raw: it.raw}) {
			return nil, false
		}
	}
	return left, true
}

// attempt calls Export once, when no other call is running.
func (f *follower) attempt(ctx context.Context, batch []item) error {
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.turn }()
	records, seqs := make([]*record.Record, len(batch)), make([]uint64, len(batch))
	for i, it := range batch {
		records[i], seqs[i] = it.record, it.seq
	}
	return f.exportWithin(export.WithPlaces(ctx, f.log, records, seqs), f.config.ExportTimeout, records)
}

// doneAhead returns the sequence numbers of the items that are done, but come after the
// first that is left.
func doneAhead(batch, left []item) (done []uint64) {
	first := left[0].seq
	for _, it := range batch {
		switch {
		case len(left) > 0 && left[0].seq == it.seq:
			left = left[1:]
		case it.seq > first:
			done = append(done, it.seq)
		}
	}
	return done
}

// advance records that every entry up to seq, and those in ahead, were exported or
// rejected.
func (f *follower) advance(seq uint64, ahead []uint64) {
	if err := f.cursor.Commit(seq, ahead...); err != nil {
		f.logger.Error("audit: a cursor cannot be written; if the process stops now, records will be exported again",
			slog.String("exporter", f.name), slog.Any("error", err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.through = max(f.through, seq)
	if f.progress != nil {
		close(f.progress)
		f.progress = nil
	}
}

// addDeadLetter stores a dead letter. It retries until that succeeds, because the entry
// would be lost otherwise, and returns false if it was aborted.
func (f *follower) addDeadLetter(letter *DeadLetter) bool {
	for attempt := 1; !f.tryDeadLetter(letter); attempt++ {
		if !sleep(f.life, f.config.delay(attempt, nil), f.wake) {
			return false // the cursor stays before the entry
		}
	}
	return true
}

// tryDeadLetter stores a dead letter, and reports whether that succeeded.
func (f *follower) tryDeadLetter(letter *DeadLetter) bool {
	letter.Exporter = f.name
	if err := f.letters.add(letter); err != nil {
		f.logger.Error("audit: a dead letter cannot be stored; trying again", slog.String("exporter", f.name), slog.Any("error", err))
		return false
	}
	f.metrics.deadLettered.Add(f.life, 1, f.metrics.exporter...)
	f.counts.DeadLettered(f.name, letter.Record, max(letter.Seq, letter.Through)-letter.Seq+1)
	return true
}

// lostEntries returns the entries that an error names as lost. ok is false if it names
// none.
func lostEntries(err error) (first, last uint64, ok bool) {
	if damage, ok := errors.AsType[*ledger.CorruptError](err); ok {
		return damage.First, damage.Last, true
	}
	if removed, ok := errors.AsType[*ledger.RemovedError](err); ok {
		return removed.First, removed.Last, true
	}
	return 0, 0, false
}

// reportLoss stores a dead letter for entries that the ledger cannot read any more.
func (f *follower) reportLoss(first, last uint64, err error) {
	f.logger.Error("audit: the ledger has lost records; they cannot be exported", slog.String("exporter", f.name),
		slog.Uint64("first", first), slog.Uint64("last", last), slog.Any("error", err))
	f.addDeadLetter(&DeadLetter{Seq: first, Through: last, Reason: err.Error()})
}

// flush waits until every entry up to seq was exported or rejected.
func (f *follower) flush(ctx context.Context, seq uint64) error {
	for {
		f.mu.Lock()
		if f.through >= seq {
			f.mu.Unlock()
			return nil
		}
		left := seq - f.through
		f.target = max(f.target, seq)
		if f.progress == nil {
			f.progress = make(chan struct{})
		}
		progress := f.progress
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
		select {
		case <-progress:
		case <-f.done:
			return audit.ErrShutdown
		case <-ctx.Done():
			return fmt.Errorf("%d records are not delivered yet: %w", left, ctx.Err())
		}
	}
}

// drainTimeout limits a Shutdown whose context has no deadline, in case the sink is down.
const drainTimeout = 30 * time.Second

// stop lets the exporter catch up until ctx ends, then shuts it down. Sealed is closed once there
// is a last checkpoint.
func (f *follower) stop(ctx context.Context, sealed <-chan struct{}) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, drainTimeout)
		defer cancel()
	}
	f.drain()
	defer f.abort()
	select {
	case <-f.done:
	case <-ctx.Done():
		f.abort()
		select {
		case <-f.done:
		case <-time.After(abortGrace):
			return errors.Join(f.undelivered(), fmt.Errorf("an export is still running: %w", ctx.Err()))
		}
	}
	if f.courier != nil && f.courier.finish(ctx, sealed) {
		f.reportHung("ExportCheckpoint", checkpointTimeout)
	}
	return errors.Join(f.undelivered(), f.shutdown(ctx))
}

// undelivered returns an error that counts the records left for the next start.
func (f *follower) undelivered() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if left := f.ledger.Stats().Next - 1 - f.through; left > 0 {
		return fmt.Errorf("%d records are not delivered; they stay in the ledger, and the next start continues with them", left)
	}
	return nil
}
