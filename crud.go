package audit

import (
	"context"

	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/internal/names"
)

// TrackCreate records that e.Target was created with the value after. It fills what e
// leaves empty: the action from the target's type ("article.create"), the operation, the
// changes and the outcome, success.
func TrackCreate[T any](ctx context.Context, t Tracker, e Event, after T, opts ...diff.Option) error {
	return trackChange(ctx, t, e, OperationCreate, nil, &after, opts)
}

// TrackUpdate records that e.Target changed from before to after. It fills what e leaves
// empty: the action from the target's type ("article.update"), the operation, the changes
// and the outcome, success. It records an update without tracked changes too.
//
// before must be a copy from before the write: a pointer to an object that was changed in
// place shows no difference.
func TrackUpdate[T any](ctx context.Context, t Tracker, e Event, before, after T, opts ...diff.Option) error {
	return trackChange(ctx, t, e, OperationUpdate, &before, &after, opts)
}

// TrackDelete records that e.Target, whose value was before, was deleted. It fills what e
// leaves empty: the action from the target's type ("article.delete"), the operation, the
// changes and the outcome, success.
func TrackDelete[T any](ctx context.Context, t Tracker, e Event, before T, opts ...diff.Option) error {
	return trackChange(ctx, t, e, OperationDelete, &before, nil, opts)
}

func trackChange[T any](ctx context.Context, t Tracker, e Event, op Operation, before, after *T, opts []diff.Option) error {
	if len(e.Changes) == 0 {
		changes, err := diffPointers(before, after, opts...)
		if err != nil {
			return err
		}
		e.Changes = changes
	}
	return trackFilled(ctx, t, e, op, OutcomeSuccess)
}

// trackFilled fills the action, the operation and the outcome if e leaves them empty, and
// tracks e.
func trackFilled(ctx context.Context, t Tracker, e Event, op Operation, outcome Outcome) error {
	if e.Action == "" && e.Target.Type != "" {
		action, ok := names.ActionOn(e.Target.Type, op.String())
		if !ok {
			return &ValidationError{Field: "action", Reason: "set one, such as account." + op.String() + "; none can be made of the target's type"}
		}
		e.Action = action
	}
	if e.Operation == OperationUnspecified {
		e.Operation = op
	}
	if e.Outcome == OutcomeUnknown {
		e.Outcome = outcome
	}
	return trackWith(ctx, t, e)
}

func trackWith(ctx context.Context, t Tracker, e Event) error {
	if t == nil {
		return ErrNoProvider
	}
	return t.Track(ctx, e)
}
