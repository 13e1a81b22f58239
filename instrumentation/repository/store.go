package auditrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
)

// Store returns a store that calls s and records every write, and every read if
// Config.RecordReads or Config.Reads is set. It panics if s is nil, as do the other decorators.
//
// Update and Delete first read the old value with Get, unless s is also an
// [UpdateReturner] or [DeleteReturner]. Every error is that of s, or a [TrackError], or
// both.
func (a *Auditor[T, ID]) Store(s Store[T, ID]) Store[T, ID] {
	requireStore(s, "Store")
	return struct {
		Getter[T, ID]
		Creator[T]
		Updater[T]
		Deleter[ID]
	}{a.getter(s), a.Creator(s), a.Updater(s), a.Deleter(s)}
}

// ValueStore is like Store, for a store whose Create and Update return the value. They
// return what s returned, even if the record failed.
func (a *Auditor[T, ID]) ValueStore(s ValueStore[T, ID]) ValueStore[T, ID] {
	requireStore(s, "ValueStore")
	return struct {
		Getter[T, ID]
		ValueCreator[T]
		ValueUpdater[T]
		Deleter[ID]
	}{a.getter(s), a.ValueCreator(s), a.ValueUpdater(s), a.Deleter(s)}
}

// getter returns s, decorated if Config.RecordReads or Config.Reads is set.
func (a *Auditor[T, ID]) getter(s Getter[T, ID]) Getter[T, ID] {
	if a.config.RecordReads {
		return a.Getter(s)
	}
	if a.config.Reads != nil {
		return a.Reader(s)
	}
	return s
}

// Getter returns a Getter that calls s and records every read, whether or not
// Config.RecordReads is set. If the read cannot be recorded, Get returns the zero value
// and the error.
func (a *Auditor[T, ID]) Getter(s Getter[T, ID]) Getter[T, ID] {
	requireStore(s, "Getter")
	return getterFunc[T, ID](func(ctx context.Context, id ID) (value T, err error) {
		err = a.Do(ctx, id, audit.Event{Operation: audit.OperationRead}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			value, err = s.Get(ctx, id)
			if err == nil {
				call.describeTarget(value)
			}
			return err
		})
		if _, ok := errors.AsType[*TrackError](err); ok {
			var zero T
			return zero, err
		}
		return value, err
	})
}

// Creator returns a Creator that calls s and records every creation.
func (a *Auditor[T, ID]) Creator(s Creator[T]) Creator[T] {
	requireStore(s, "Creator")
	return creatorFunc[T](func(ctx context.Context, value T) error {
		reader, _ := s.(Getter[T, ID])
		_, err := a.write(ctx, audit.OperationCreate, value, reader, func(ctx context.Context, _ *Call[T, ID]) (T, error) {
			return value, s.Create(ctx, value)
		})
		return err
	})
}

// ValueCreator is like Creator, for a store that returns the value.
func (a *Auditor[T, ID]) ValueCreator(s ValueCreator[T]) ValueCreator[T] {
	requireStore(s, "ValueCreator")
	return valueCreatorFunc[T](func(ctx context.Context, value T) (T, error) {
		reader, _ := s.(Getter[T, ID])
		return a.write(ctx, audit.OperationCreate, value, reader, func(ctx context.Context, call *Call[T, ID]) (T, error) {
			return call.returned(s.Create(ctx, value))
		})
	})
}

// Updater returns an Updater that calls s and records every update. It first reads the
// old value with Get, unless s is also an [UpdateReturner].
func (a *Auditor[T, ID]) Updater(s interface {
	Getter[T, ID]
	Updater[T]
},
) Updater[T] {
	requireStore(s, "Updater")
	if returner, ok := s.(UpdateReturner[T]); ok {
		returning := a.UpdateReturner(returner)
		return updaterFunc[T](func(ctx context.Context, value T) error {
			_, _, err := returning.UpdateReturning(ctx, value)
			return err
		})
	}
	return updaterFunc[T](func(ctx context.Context, value T) error {
		_, err := a.write(ctx, audit.OperationUpdate, value, s, func(ctx context.Context, _ *Call[T, ID]) (T, error) {
			return value, s.Update(ctx, value)
		})
		return err
	})
}

// ValueUpdater is like Updater, for a store that returns the value.
func (a *Auditor[T, ID]) ValueUpdater(s interface {
	Getter[T, ID]
	ValueUpdater[T]
},
) ValueUpdater[T] {
	requireStore(s, "ValueUpdater")
	if returner, ok := s.(UpdateReturner[T]); ok {
		returning := a.UpdateReturner(returner)
		return valueUpdaterFunc[T](func(ctx context.Context, value T) (T, error) {
			_, after, err := returning.UpdateReturning(ctx, value)
			return after, err
		})
	}
	return valueUpdaterFunc[T](func(ctx context.Context, value T) (T, error) {
		return a.write(ctx, audit.OperationUpdate, value, s, func(ctx context.Context, call *Call[T, ID]) (T, error) {
			return call.returned(s.Update(ctx, value))
		})
	})
}

// UpdateReturner returns an UpdateReturner that calls s and records every update.
func (a *Auditor[T, ID]) UpdateReturner(s UpdateReturner[T]) UpdateReturner[T] {
	requireStore(s, "UpdateReturner")
	return updateReturnerFunc[T](func(ctx context.Context, value T) (before, after T, err error) {
		var noID ID
		err = a.Do(ctx, noID, audit.Event{Operation: audit.OperationUpdate}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			call.setTargetOf(value)
			before, after, err = s.UpdateReturning(ctx, value)
			if err == nil {
				call.SetBefore(before)
				call.SetRequested(value)
				_, _ = call.returned(after, nil)
			}
			return err
		})
		return before, after, err
	})
}

// Deleter returns a Deleter that calls s and records every deletion. It first reads the
// old value with Get, unless s is also a [DeleteReturner].
func (a *Auditor[T, ID]) Deleter(s interface {
	Getter[T, ID]
	Deleter[ID]
},
) Deleter[ID] {
	requireStore(s, "Deleter")
	if returner, ok := s.(DeleteReturner[T, ID]); ok {
		returning := a.DeleteReturner(returner)
		return deleterFunc[ID](func(ctx context.Context, id ID) error {
			_, err := returning.DeleteReturning(ctx, id)
			return err
		})
	}
	return deleterFunc[ID](func(ctx context.Context, id ID) error {
		return a.Do(ctx, id, audit.Event{Operation: audit.OperationDelete}, func(ctx context.Context, call *Call[T, ID]) error {
			call.ReadBefore(ctx, s, id)
			return s.Delete(ctx, id)
		})
	})
}

// DeleteReturner returns a DeleteReturner that calls s and records every deletion.
func (a *Auditor[T, ID]) DeleteReturner(s DeleteReturner[T, ID]) DeleteReturner[T, ID] {
	requireStore(s, "DeleteReturner")
	return deleteReturnerFunc[T, ID](func(ctx context.Context, id ID) (before T, err error) {
		err = a.Do(ctx, id, audit.Event{Operation: audit.OperationDelete}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			before, err = s.DeleteReturning(ctx, id)
			if err == nil {
				call.SetBefore(before)
			}
			return err
		})
		return before, err
	})
}

// write calls store and records an update, whose old value it reads with reader, or a
// creation. reader may be nil for a creation.
func (a *Auditor[T, ID]) write(
	ctx context.Context, op audit.Operation, value T, reader Getter[T, ID], store func(context.Context, *Call[T, ID]) (T, error),
) (after T, err error) {
	var noID ID
	err = a.Do(ctx, noID, audit.Event{Operation: op}, func(ctx context.Context, call *Call[T, ID]) (err error) {
		call.SetRequested(value) // a failed creation is recorded with its id, if it has one
		if op == audit.OperationUpdate {
			if id, ok := call.setTargetOf(value); ok {
				call.ReadBefore(ctx, reader, id)
			}
		}
		after, err = store(ctx, call)
		if err == nil && reader != nil {
			call.readAfter(ctx, reader)
		}
		return err
	})
	return after, err
}

// requireStore panics if store is nil.
func requireStore(store any, role string) {
	if store == nil {
		panic(fmt.Sprintf("auditrepo: %s was called with a nil store", role))
	}
}
