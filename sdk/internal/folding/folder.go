package folding

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
)

// ActionFolded is the action of a fold that counts records of several actions.
const ActionFolded = "audit.folded"

// Config configures a Folder.
type Config struct {
	// Limit is how many records of one party stay whole in each window.
	Limit  int
	Window time.Duration
	Source Source
	Logger *slog.Logger
	// Deliver stores a record, or the beginning of a fold.
	Deliver func(context.Context, *record.Record) error
	// Finish stores the end of a fold. It also works while the provider is shut down.
	Finish func(context.Context, *record.Record) error
	// Room returns what is left of the party's share.
	Room func(party.Party) party.Room
	// Reject makes the error of a record for which its class's share has no room.
	Reject func(*record.Record, party.Class) error
	// Folded counts a record that was folded.
	Folded func(context.Context, party.Class)
}

// Folder delivers records, and folds what one party repeats. It is safe for concurrent
// use.
type Folder struct {
	config Config

	finishing chan struct{} // holds an element while folds are finished

	mu      sync.Mutex
	classes [party.Classes]*class
	folds   map[*fold]struct{} // that are not finished
	timer   *time.Timer        // finishes folds; nil while there is none
}

// New returns a Folder. The caller has checked the limit and the window.
func New(c Config) *Folder {
	f := &Folder{config: c, finishing: make(chan struct{}, 1), folds: map[*fold]struct{}{}}
	for i := range f.classes {
		f.classes[i] = newClass()
	}
	return f
}

// Deliver delivers the record of a party, or counts it in a fold.
func (f *Folder) Deliver(ctx context.Context, p party.Party, r *record.Record) error {
	if p.Class == party.Trusted {
		return f.config.Deliver(ctx, r)
	}
	ctx = party.NewContext(context.WithoutCancel(ctx), p)
	room := f.config.Room(p)
	for {
		fold, ok := f.choose(p, r, room)
		if !ok {
			return f.config.Reject(r, p.Class)
		}
		if fold == nil {
			return f.config.Deliver(ctx, r)
		}
		counted, err := fold.add(ctx, r, f.config.Deliver)
		if err != nil {
			return err
		}
		if counted {
			f.config.Folded(ctx, p.Class)
			return nil
		}
	}
}

// choose returns the fold that counts the record, or nil if it stays whole. It returns
// false if there is no room for it.
//
// A record that is not repeatable stays whole as long as there is room. The records of an
// attempt are never folded: one promises that it is stored, and the other closes it.
func (f *Folder) choose(p party.Party, r *record.Record, room party.Room) (fold *fold, ok bool) {
	switch {
	case r.BeginsAttempt():
		return nil, room == party.Enough
	case !r.Attempt.IsZero() || room == party.Enough && !party.Repeatable(r):
		return nil, true
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.classes[p.Class]
	c.roll(now, f.config.Window)
	n := c.of(p)
	if n == nil && p.Class == party.Anonymous {
		n = &c.crowd
	}
	if n == nil {
		return nil, room == party.Enough
	}
	n.roll(now, f.config.Window)
	if room == party.Enough && n.whole < f.config.Limit && c.whole/crowdRate < f.config.Limit {
		n.whole++
		c.whole++
		return nil, true
	}
	return f.open(c, n, p, r, room, now)
}

// open returns the party's fold for the record, and opens it if there is none. mu is held.
//
// An actor's records are folded only with his own. Anonymous ones are folded with those of
// other networks if the share of all is used up, or if too many folds are open.
func (f *Folder) open(c *class, n *counter, p party.Party, r *record.Record, room party.Room, now time.Time) (*fold, bool) {
	k := kindOf(r)
	if fold := n.find(k); fold != nil {
		return fold, true
	}
	full := c.open >= maxFolds
	if p.Class == party.Anonymous && n != &c.crowd && (room >= party.ClassFull || full) {
		n = &c.crowd
		if fold := n.find(k); fold != nil {
			return fold, true
		}
	}
	if n != &c.crowd && (full || room == party.LedgerFull) {
		return nil, room == party.Enough
	}
	if len(n.folds) >= maxKinds {
		k = k.rest()
	}
	fold := f.config.Source.begin(p, k, r, n == &c.crowd, now)
	c.add(n, fold)
	f.folds[fold] = struct{}{}
	f.schedule()
	return fold, true
}

// find returns the party's fold for records of a kind, or nil.
func (n *counter) find(k kind) *fold {
	if fold := n.folds[k]; fold != nil {
		return fold
	}
	if len(n.folds) < maxKinds {
		return nil
	}
	return n.folds[k.rest()]
}

// maxWindows limits how long a fold stays open while its share has no room: each end and
// the next beginning take some.
const maxWindows = 15

// schedule sets the timer. mu is held.
func (f *Folder) schedule() {
	if f.timer != nil || len(f.folds) == 0 {
		return
	}
	f.timer = time.AfterFunc(f.config.Window/4, func() {
		_ = f.finish(context.Background(), f.due) // logged, and tried again
		f.mu.Lock()
		defer f.mu.Unlock()
		f.timer = nil
		f.schedule()
	})
}

// due reports whether a fold should be finished.
func (f *Folder) due(fold *fold) bool {
	age := time.Since(fold.opened)
	return age >= maxWindows*f.config.Window || age >= f.config.Window && f.config.Room(fold.party) < party.ClassFull
}

// errUnfinished means that the end of a fold is not recorded.
var errUnfinished = errors.New("the numbers of folded events are not recorded yet; if the process stops, they are unknown")

// Finish finishes all folds.
func (f *Folder) Finish(ctx context.Context) error {
	return f.finish(ctx, func(*fold) bool { return true })
}

// Close finishes all folds for the last time. No record is delivered any more.
func (f *Folder) Close(ctx context.Context) error {
	err := f.Finish(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.folds)
	if f.timer != nil {
		f.timer.Stop()
	}
	return err
}

// finishers is how many folds are finished at the same time, so that they share syncs.
const finishers = 64

// finish finishes the folds that are due. Those whose end cannot be delivered are tried
// again later.
func (f *Folder) finish(ctx context.Context, due func(*fold) bool) error {
	select {
	case f.finishing <- struct{}{}:
		defer func() { <-f.finishing }()
	case <-ctx.Done():
		return errors.Join(errUnfinished, ctx.Err())
	}
	folds := f.detach(due)
	var errs []error
	for len(folds) > 0 && ctx.Err() == nil && len(errs) == 0 {
		n := min(finishers, len(folds))
		errs = f.finishAll(ctx, folds[:n])
		folds = folds[n:]
	}
	if len(folds) > 0 && len(errs) == 0 {
		errs = append(errs, ctx.Err())
	}
	if len(errs) == 0 {
		return nil
	}
	err := errors.Join(append([]error{errUnfinished}, errs...)...)
	f.config.Logger.ErrorContext(ctx, "audit: folded events are counted, but not recorded yet", slog.Any("error", err))
	return err
}

// detach returns the folds that are due, which get no further records.
func (f *Folder) detach(due func(*fold) bool) (folds []*fold) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for fold := range f.folds {
		if due(fold) {
			f.classes[fold.party.Class].detach(fold)
			folds = append(folds, fold)
		}
	}
	return folds
}

// finishAll finishes folds at the same time.
func (f *Folder) finishAll(ctx context.Context, folds []*fold) (errs []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, fold := range folds {
		wg.Go(func() {
			r, ok := fold.finish(time.Now())
			if !ok {
				return
			}
			if r != nil {
				if err := f.config.Finish(party.NewContext(ctx, fold.party), r); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
					return
				}
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.folds, fold)
			f.classes[fold.party.Class].release(fold)
		})
	}
	wg.Wait()
	return errs
}
