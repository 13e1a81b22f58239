package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
)

// isRejection reports whether an event was rejected for what it is, and not because it
// could not be delivered.
func isRejection(err error) bool {
	if _, ok := errors.AsType[*audit.DeliveryError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*ProcessorError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*audit.ValidationError](err); ok {
		return !isRecorded(err)
	}
	if _, ok := errors.AsType[*audit.ActorError](err); ok {
		return true
	}
	return errors.Is(err, audit.ErrNoActor) || errors.Is(err, policy.ErrAnonymousNotAllowed) && !isRecorded(err)
}

// isRecorded reports whether the event of the error was recorded nevertheless.
func isRecorded(err error) bool {
	unmet, ok := errors.AsType[*PolicyError](err)
	return ok && unmet.Recorded
}

// reject records that the event was rejected with err, if it was, and returns err. It says
// who tried what and which fields were wrong, and nothing that the event says of itself
// beyond that. The record is a signal, because its actor may be unresolved. Processors do
// not see it, and rules of validation and of a policy do not reject it.
func (t *tracker) reject(ctx context.Context, e *audit.Event, resolved *plumbing.Resolved, err error) error {
	if !isRejection(err) {
		return err
	}
	r := t.pipeline.records.Make(ctx, rejectedEvent(e, err), resolved, t.instrumentation)
	if failed := t.pipeline.rejected(ctx, r); failed != nil {
		return errors.Join(err, fmt.Errorf("sdk: the rejection was not recorded: %w", failed))
	}
	return err
}

// rejectedEvent returns the event of a rejection.
func rejectedEvent(e *audit.Event, err error) *audit.Event {
	rejected := &audit.Event{
		Kind: audit.KindSignal, Action: semconv.ActionRejected, Outcome: audit.OutcomeFailure,
		Actor: e.Actor, Tenant: e.Tenant, Failure: err.Error(),
	}
	if record.ValidTime(e.Time) {
		rejected.Time = e.Time
	}
	if e.Target.Type != "" {
		rejected.Target = e.Target
	}
	if !isRecordable(&rejected.Actor) {
		rejected.Actor = audit.Actor{Type: audit.ActorUnresolved}
	}
	if action := record.NormalizeAction(e.Action); action != "" {
		rejected.Metadata = append(rejected.Metadata, semconv.RejectedActionKey.String(action))
	}
	if fields := rejectedFields(nil, err); len(fields) > 0 {
		rejected.Metadata = append(rejected.Metadata, semconv.RejectedFieldsKey.StringSlice(fields))
	}
	if unmet, ok := errors.AsType[*PolicyError](err); ok {
		rejected.Metadata = append(rejected.Metadata, semconv.RejectedRuleKey.String(unmet.Rule))
	}
	return rejected
}

// rejectedFields appends the paths of what is wrong with an event.
func rejectedFields(fields []string, err error) []string {
	if unmet, ok := errors.AsType[*PolicyError](err); ok {
		for _, problem := range unmet.Problems {
			fields = appendField(fields, problem)
		}
		return fields
	}
	return appendField(fields, err)
}

// appendField appends the path of what one problem is about.
func appendField(fields []string, problem error) []string {
	if invalid, ok := errors.AsType[*audit.ValidationError](problem); ok {
		return append(fields, invalid.Field)
	}
	return append(fields, pathActor)
}

// rejection returns a function that delivers the record of a rejection past the rules of validation.
func (p *TrackerProvider) rejection(v *validator) func(context.Context, *record.Record) error {
	return func(ctx context.Context, r *record.Record) error {
		v.read(r)
		return p.redactAndDeliver(ctx, nil, r)
	}
}

// markUnmet marks what an event lacks that is recorded nevertheless.
func markUnmet(r *record.Record, unmet *PolicyError) {
	for _, problem := range unmet.Problems {
		for _, field := range appendField(nil, problem) {
			r.AddMark(mark.Mark{Path: field, Kind: mark.PolicyUnmet})
		}
	}
}
