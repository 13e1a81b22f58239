package audit

import "context"

// TrackCreate records that e.Target was created with the value after. It fills what e
// leaves empty: the action from the target's type ("article.create"), the operation, the
// changes and the outcome, success.
func TrackCreate[T any](ctx context.Context, t Tracker, e Event, after T, opts ...DiffOption) error {
	return trackChange(ctx, t, e, OperationCreate, nil, &after, opts)
}

// TrackUpdate records that e.Target changed from before to after. It fills what e leaves
// empty: the action from the target's type ("article.update"), the operation, the changes
// and the outcome, success. It records an update without tracked changes too.
//
// before must be a copy from before the write: a pointer to an object that was changed in
// place shows no difference.
func TrackUpdate[T any](ctx context.Context, t Tracker, e Event, before, after T, opts ...DiffOption) error {
	return trackChange(ctx, t, e, OperationUpdate, &before, &after, opts)
}

// TrackDelete records that e.Target, whose value was before, was deleted. It fills what e
// leaves empty: the action from the target's type ("article.delete"), the operation, the
// changes and the outcome, success.
func TrackDelete[T any](ctx context.Context, t Tracker, e Event, before T, opts ...DiffOption) error {
	return trackChange(ctx, t, e, OperationDelete, &before, nil, opts)
}

func trackChange[T any](ctx context.Context, t Tracker, e Event, op Operation, before, after *T, opts []DiffOption) error {
	if len(e.Changes) == 0 {
		changes, err := diffPointers(before, after, opts...)
		if err != nil {
			return err
		}
		e.Changes = changes
	}
	e.fill(op, OutcomeSuccess)
	return trackWith(ctx, t, e)
}

// fill sets the fields that e leaves empty.
func (e *Event) fill(op Operation, outcome Outcome) {
	if e.Action == "" && e.Target.Type != "" {
		e.Action = e.Target.Type + "." + op.String()
	}
	if e.Operation == OperationUnspecified {
		e.Operation = op
	}
	if e.Outcome == OutcomeUnknown {
		e.Outcome = outcome
	}
}

func trackWith(ctx context.Context, t Tracker, e Event) error {
	if t == nil {
		return ErrNoProvider
	}
	return t.Track(ctx, e)
}
