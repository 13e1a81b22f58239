package unit

import (
	"context"
	"errors"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bracket"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/held"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// DefaultLimit is how many records a unit holds without [WithLimit].
const DefaultLimit = 1000

// Unit is a unit of work: usually a transaction. Its methods may be called concurrently.
type Unit struct {
	ctx     context.Context // of Begin, never canceled
	limit   int
	attempt *audit.Attempt

	mu     sync.Mutex
	run    *part // the last one
	runs   int
	end    held.End
	result audit.Event   // that finishes the attempt
	batch  *signal.Batch // what is recorded when the unit has ended
	lost   error         // of the scopes of runs
}

// Option configures a unit.
type Option func(*Unit)

// WithLimit sets how many records the unit holds. Each further one is recorded at once as an
// attempt that is begun, which takes one of the ledger's slots until the unit ends. The
// default is DefaultLimit.
func WithLimit(n int) Option {
	return func(u *Unit) { u.limit = max(n, 0) }
}

// Begin begins a unit of work, before its transaction. It records the beginning of an attempt
// ([audit.Begin]), so that a crash between the commit and the records leaves an attempt that
// the next start closes with an unknown outcome. The event's action is
// semconv.ActionUnitCommit if it has none.
//
// The caller ends the unit with Commit, Rollback or Unknown, also when the work panics. [Run]
// does both.
func Begin(ctx context.Context, t audit.Tracker, e audit.Event, opts ...Option) (*Unit, error) {
	u := &Unit{ctx: Outside(context.WithoutCancel(ctx)), limit: DefaultLimit}
	for _, opt := range opts {
		if opt != nil {
			opt(u)
		}
	}
	if e.Action == "" {
		e.Action, e.Operation = semconv.ActionUnitCommit, audit.OperationExecute
	}
	var err error
	if u.attempt, err = audit.Begin(ctx, t, e); err != nil {
		return nil, err
	}
	u.batch = new(signal.Batch)
	return u, nil
}

// Run begins a unit of work, calls transact and ends the unit, also when transact panics. It
// rolls the unit back if transact fails, and commits it otherwise, unless transact has ended
// it.
//
// Run returns the error of transact unchanged; if recording fails, it is joined with a
// [*RecordError]. A panic of transact continues with the same value; then the error of
// recording goes to the error handler of t's provider.
func Run(ctx context.Context, t audit.Tracker, e audit.Event, transact func(*Unit) error, opts ...Option) error {
	u, err := Begin(ctx, t, e, opts...)
	if err != nil {
		return err
	}
	return bracket.Call(
		func() error { return transact(u) },
		func(returned bool, err error) error {
			switch {
			case u.ended():
				return nil // whoever ended it has the error
			case !returned:
				return u.Rollback(errAborted)
			case err != nil:
				return u.Rollback(err)
			}
			return u.Commit()
		},
		func(err error) { inside.Audit.Report(ctx, t, err) },
	)
}

// errAborted is the cause of a rollback after a panic. It has no type of its own.
var errAborted = errors.New("unit: the work panicked or ended its goroutine")

// Outside returns a context for intents that are true whatever the unit of ctx does, such as
// a payment that no rollback undoes: they are recorded at once, and not as part of a
// database's transaction that ctx may carry.
func Outside(ctx context.Context) context.Context { return held.Outside(ctx) }

// ID returns the ID of the attempt that began the unit. The records that the unit holds have
// it as semconv.UnitKey.
func (u *Unit) ID() audit.ID { return u.attempt.ID() }

// Start starts the unit's work and returns its context, a child of ctx. If the work was
// started before, it is run again: what is held of the earlier run is discarded, since it did
// not happen, and the unit's record has the number of runs. What was begun of the earlier run
// becomes a failure.
//
// Start has no effect on a unit that has ended, and returns ctx.
func (u *Unit) Start(ctx context.Context) context.Context {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.end != held.Open {
		return ctx
	}
	u.close(held.Rerun)
	u.runs++
	ctx, u.run = newPart(ctx, held.NewUnit(u.ctx, u.ID(), u.limit))
	return ctx
}

// Commit records that the work was committed. If that fails, the error is a [*RecordError],
// and Commit may be called again to record what is missing. Commit returns [ErrEnded] if the
// unit has ended in another way.
//
// Commit waits for events that are being tracked in the unit.
func (u *Unit) Commit() error { return u.finish(held.Committed, nil) }

// Rollback records that the work was undone because of cause. The records have the type of
// cause, never its text. See [Unit.Commit] for the errors.
func (u *Unit) Rollback(cause error) error { return u.finish(held.RolledBack, cause) }

// Unknown records that nobody knows whether the work was committed: the answer to the commit
// was lost. See [Unit.Commit] for the errors.
func (u *Unit) Unknown(cause error) error { return u.finish(held.Unknown, cause) }

func (u *Unit) ended() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.end != held.Open
}

func (u *Unit) finish(end held.End, cause error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.end == held.Open {
		u.end = end
		u.close(end)
		u.result = u.event(cause)
	} else if u.end != end {
		return ErrEnded
	}
	lost := u.lost
	u.lost = nil
	err := errors.Join(lost, u.batch.Deliver(u.ctx))
	if err == nil { // otherwise the attempt stays open, which says that something is missing
		err = u.attempt.Finish(u.ctx, u.result)
	}
	if err == nil || errors.Is(err, audit.ErrFinished) {
		return nil
	}
	return &RecordError{Committed: end == held.Committed, Err: err}
}

// close ends the run, if there is one. u.mu is held.
func (u *Unit) close(end held.End) {
	if u.run != nil {
		u.lost = errors.Join(u.lost, u.run.settle(u.batch.In(u.ctx), end))
	}
}

// event returns the event that finishes the attempt.
func (u *Unit) event(cause error) audit.Event {
	e := audit.Event{Outcome: audit.OutcomeSuccess}
	switch u.end {
	case held.RolledBack:
		e.Outcome, e.Failure = audit.OutcomeFailure, "the transaction was rolled back"
		e.Metadata = append(e.Metadata, semconv.UnitEndKey.String(semconv.UnitEndRolledBack))
	case held.Unknown:
		e.Outcome, e.Failure = audit.OutcomeUnknown, "it is not known whether the transaction was committed"
		e.Metadata = append(e.Metadata, semconv.UnitEndKey.String(semconv.UnitEndUnknown))
	default:
	}
	if cause != nil {
		e.Metadata = append(e.Metadata, errorType(cause))
	}
	if u.runs > 1 {
		e.Metadata = append(e.Metadata, semconv.UnitRunsKey.Int(u.runs))
	}
	return e
}

func errorType(cause error) attribute.KeyValue {
	if errors.Is(cause, errAborted) {
		return semconv.ErrorTypeKey.String(errortype.Aborted)
	}
	return semconv.ErrorTypeKey.String(errortype.Of(cause))
}
