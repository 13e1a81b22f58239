package folding

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
)

// kind is what the records of one fold have in common. Whoever may see each of them may
// see their number: a policy selects by these fields.
type kind struct {
	kind      audit.Kind
	action    string
	operation audit.Operation
	outcome   audit.Outcome
	target    string // type
	channel   string
	tenant    string
	actor     audit.ActorType // anonymous or unresolved
}

func kindOf(r *record.Record) kind {
	return kind{
		kind: r.Kind, action: r.Action, operation: r.Operation, outcome: r.Outcome,
		target: r.Target.Type, channel: r.Channel, tenant: r.Tenant, actor: r.Actor.Type,
	}
}

// rest returns the kind of a fold for all further kinds of a party.
func (k kind) rest() kind {
	return kind{kind: k.kind, action: ActionFolded, actor: k.actor}
}

// fold counts records of one kind that one party caused.
type fold struct {
	party   party.Party
	kind    kind
	counter *counter
	opened  time.Time

	mu        sync.Mutex
	begun     *record.Record // the record that begins the fold
	durable   bool           // begun is delivered
	uncertain bool           // begun may be delivered
	running   *delivering    // the delivery of begun, if it runs
	finished  *record.Record // nothing more is counted once it is set

	count       int64
	first, last time.Time
	sample      []string
	sampled     int // bytes of the sample
}

// delivering is a delivery that several records wait for.
type delivering struct {
	done chan struct{} // closed when err is set
	err  error
}

// Limits of the targets that a fold names.
const (
	maxSampled     = 20
	maxSampleBytes = 1024
)

// EndSize is about the size of the largest end of a fold, in bytes.
const EndSize = 2 * maxSampleBytes

// add counts the record once the beginning of the fold is delivered. It returns false if
// the fold was finished before.
func (f *fold) add(ctx context.Context, r *record.Record, deliver func(context.Context, *record.Record) error) (counted bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.finished == nil && !f.durable {
		if err := f.begin(ctx, deliver); err != nil {
			return false, err
		}
	}
	if f.finished != nil {
		return false, nil
	}
	f.countRecord(r)
	return true, nil
}

// begin delivers the beginning, or waits for the caller that is delivering it. It unlocks
// mu meanwhile.
func (f *fold) begin(ctx context.Context, deliver func(context.Context, *record.Record) error) error {
	d, runs := f.running, f.running != nil
	if !runs {
		d = &delivering{done: make(chan struct{})}
		f.running = d
	}
	f.mu.Unlock()
	if runs {
		<-d.done // within the track timeout
		f.mu.Lock()
		return d.err
	}
	d.err = deliver(ctx, f.begun)
	f.mu.Lock()
	f.durable, f.running = d.err == nil, nil
	f.uncertain = f.uncertain || errors.Is(d.err, audit.ErrMaybeStored)
	close(d.done)
	return d.err
}

func (f *fold) countRecord(r *record.Record) {
	if f.count == 0 || r.ObservedTime.Before(f.first) {
		f.first = r.ObservedTime
	}
	if r.ObservedTime.After(f.last) {
		f.last = r.ObservedTime
	}
	f.count++
	id := r.Target.ID
	switch {
	case id == "" || f.kind.action == ActionFolded || altered(r, "target.id"):
	case len(f.sample) == maxSampled || f.sampled+len(id) > maxSampleBytes || slices.Contains(f.sample, id):
	default:
		f.sample = append(f.sample, id)
		f.sampled += len(id)
	}
}

// finish ends the fold and returns the record with the count. It returns false while the
// beginning is being delivered, and nil if that was not delivered: nothing was counted.
func (f *fold) finish(now time.Time) (r *record.Record, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running != nil {
		return nil, false
	}
	if f.finished == nil {
		f.finished = f.finishedRecord(now)
	}
	if !f.durable && !f.uncertain {
		return nil, true
	}
	return f.finished, true
}
