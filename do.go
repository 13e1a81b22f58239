package audit

import (
	"context"
	"errors"
	"io/fs"

	"github.com/opendeed/audit/internal/bracket"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Do begins an attempt, calls fn, and finishes the attempt with its result. It is the
// short form of [Begin] and [Attempt.Finish], also when fn panics:
//
//	err := audit.Do(ctx, tracker, audit.Event{Action: "payout.send", Target: payout, Reason: reason},
//		func(ctx context.Context) error { return bank.Send(ctx, payout) })
//
// If the attempt cannot be recorded, Do returns Begin's error without calling fn.
//
// fn completes the event by [SetChanges], [SetReason], [SetTarget], [SetOutcome] and
// [AddMetadata]. The outcome is success if fn returns nil, denied for errors that match
// [fs.ErrPermission], and unknown for those of contexts: a call that was canceled or timed
// out may have had its effect. All other errors, panics and runtime.Goexit are failures.
// The record has the type of the error as [semconv.ErrorTypeKey], never its text. If it lacks
// what a policy requires, such as changes, it is recorded nevertheless, with the marks policy.unmet.
//
// fn runs in a scope of its own. A successful attempt covers the signals in it of its
// target and operation, and of its Covers. Do returns the error of fn unchanged; if the
// record fails, it returns the errors of both, joined. A panic of fn continues with the
// same value; then the error of the record goes to the error handler of t's provider.
func Do(ctx context.Context, t Tracker, e Event, fn func(context.Context) error) error {
	attempt, err := Begin(ctx, t, e)
	if err != nil {
		return err
	}
	doing := &doing{tracker: t, event: e}
	return Run(ctx, func(ctx context.Context) error {
		d := draftOf(ctx)
		return bracket.Call(
			func() error { return fn(ctx) },
			func(returned bool, err error) error {
				return attempt.Finish(afterwards(context.WithoutCancel(ctx)), resultWith(d.close(), returned, err))
			},
			func(err error) { doing.Report(ctx, err) },
		)
	}, func(o *scopeOptions) { o.draft = &draft{tracker: t, author: doing} })
}

// doing is the bridge.Author of the event of Do.
type doing struct {
	tracker Tracker
	event   Event
}

func (d *doing) Event() Event                          { return d.event }
func (d *doing) Report(ctx context.Context, err error) { reportTo(ctx, d.tracker, err) }

// resultWith returns the event that finishes an attempt whose function returned err, or did
// not return, with what the function said of it.
func resultWith(said Event, returned bool, err error) Event {
	e := resultOf(returned, err)
	if said.Outcome == OutcomeSuccess && e.Outcome != OutcomeSuccess {
		said.Outcome = OutcomeUnknown
	}
	inferred := e.Outcome
	e.Outcome = OutcomeUnknown
	return completed(e, said, inferred, false)
}

// resultOf returns the event that finishes an attempt whose function returned err, or did
// not return.
func resultOf(returned bool, err error) Event {
	switch {
	case !returned:
		return failedWith(OutcomeFailure, errortype.Aborted)
	case err == nil:
		return Event{Outcome: OutcomeSuccess}
	case errors.Is(err, fs.ErrPermission):
		return failedWith(OutcomeDenied, errortype.Of(err))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return failedWith(OutcomeUnknown, errortype.Of(err))
	default:
		return failedWith(OutcomeFailure, errortype.Of(err))
	}
}

func failedWith(outcome Outcome, errorType string) Event {
	return Event{Outcome: outcome, Metadata: []attribute.KeyValue{semconv.ErrorTypeKey.String(errorType)}}
}
