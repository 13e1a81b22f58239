package auditrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
)

// Store returns s with everything that it writes recorded and, by Config.Reads, what
// it reads.
//
// Update and Delete read the value before by Get, in the same call, unless s is an
// [UpdateReturner] or a [DeleteReturner] as well.
func (a *Auditor[T, ID]) Store(s Store[T, ID]) Store[T, ID] {
	mustBe(s, "Store")
	return struct {
		Getter[T, ID]
		Creator[T]
		Updater[T]
		Deleter[ID]
	}{a.reads(s), a.Creator(s), a.Updater(s), a.Deleter(s)}
}

// ValueStore is Store for one whose Create and Update return the value.
func (a *Auditor[T, ID]) ValueStore(s ValueStore[T, ID]) ValueStore[T, ID] {
	mustBe(s, "ValueStore")
	return struct {
		Getter[T, ID]
		ValueCreator[T]
		ValueUpdater[T]
		Deleter[ID]
	}{a.reads(s), a.ValueCreator(s), a.ValueUpdater(s), a.Deleter(s)}
}

// reads returns s as Config.Reads has it.
func (a *Auditor[T, ID]) reads(s Getter[T, ID]) Getter[T, ID] {
	if a.config.Reads {
		return a.Getter(s)
	}
	return s
}

// Getter returns s with its reads recorded, whatever Config.Reads says. A value that
// was read and could not be recorded as read is not returned.
func (a *Auditor[T, ID]) Getter(s Getter[T, ID]) Getter[T, ID] {
	mustBe(s, "Getter")
	return get[T, ID](func(ctx context.Context, id ID) (value T, err error) {
		err = a.Do(ctx, id, audit.Event{Operation: audit.OperationRead}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			value, err = s.Get(ctx, id)
			if err == nil {
				call.describe(value)
			}
			return err
		})
		if _, unrecorded := errors.AsType[*TrackError](err); unrecorded {
			var withheld T
			return withheld, err
		}
		return value, err
	})
}

// Creator returns s with what it creates recorded.
func (a *Auditor[T, ID]) Creator(s Creator[T]) Creator[T] {
	mustBe(s, "Creator")
	return create[T](func(ctx context.Context, value T) error {
		_, err := a.write(ctx, audit.OperationCreate, value, nil, func(ctx context.Context) (T, error) {
			return value, s.Create(ctx, value)
		})
		return err
	})
}

// ValueCreator is Creator for one that returns the value.
func (a *Auditor[T, ID]) ValueCreator(s ValueCreator[T]) ValueCreator[T] {
	mustBe(s, "ValueCreator")
	return createValue[T](func(ctx context.Context, value T) (T, error) {
		return a.write(ctx, audit.OperationCreate, value, nil, func(ctx context.Context) (T, error) {
			return s.Create(ctx, value)
		})
	})
}

// Updater returns s with what it updates recorded. The value before is read by Get, in
// the same call, unless s is an [UpdateReturner] as well.
func (a *Auditor[T, ID]) Updater(s interface {
	Getter[T, ID]
	Updater[T]
},
) Updater[T] {
	mustBe(s, "Updater")
	if returner, ok := s.(UpdateReturner[T]); ok {
		returning := a.UpdateReturner(returner)
		return update[T](func(ctx context.Context, value T) error {
			_, _, err := returning.UpdateReturning(ctx, value)
			return err
		})
	}
	return update[T](func(ctx context.Context, value T) error {
		_, err := a.write(ctx, audit.OperationUpdate, value, s, func(ctx context.Context) (T, error) {
			return value, s.Update(ctx, value)
		})
		return err
	})
}

// ValueUpdater is Updater for one that returns the value.
func (a *Auditor[T, ID]) ValueUpdater(s interface {
	Getter[T, ID]
	ValueUpdater[T]
},
) ValueUpdater[T] {
	mustBe(s, "ValueUpdater")
	if returner, ok := s.(UpdateReturner[T]); ok {
		returning := a.UpdateReturner(returner)
		return updateValue[T](func(ctx context.Context, value T) (T, error) {
			_, after, err := returning.UpdateReturning(ctx, value)
			return after, err
		})
	}
	return updateValue[T](func(ctx context.Context, value T) (T, error) {
		return a.write(ctx, audit.OperationUpdate, value, s, func(ctx context.Context) (T, error) {
			return s.Update(ctx, value)
		})
	})
}

// UpdateReturner returns s with what it updates recorded.
func (a *Auditor[T, ID]) UpdateReturner(s UpdateReturner[T]) UpdateReturner[T] {
	mustBe(s, "UpdateReturner")
	return updateReturning[T](func(ctx context.Context, value T) (before, after T, err error) {
		var unknown ID
		err = a.Do(ctx, unknown, audit.Event{Operation: audit.OperationUpdate}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			call.about(value)
			before, after, err = s.UpdateReturning(ctx, value)
			if err == nil {
				call.Before(before)
				call.became(value, after)
			}
			return err
		})
		return before, after, err
	})
}

// Deleter returns s with what it deletes recorded. What it was is read by Get, in the
// same call, unless s is a [DeleteReturner] as well.
func (a *Auditor[T, ID]) Deleter(s interface {
	Getter[T, ID]
	Deleter[ID]
},
) Deleter[ID] {
	mustBe(s, "Deleter")
	if returner, ok := s.(DeleteReturner[T, ID]); ok {
		returning := a.DeleteReturner(returner)
		return remove[ID](func(ctx context.Context, id ID) error {
			_, err := returning.DeleteReturning(ctx, id)
			return err
		})
	}
	return remove[ID](func(ctx context.Context, id ID) error {
		return a.Do(ctx, id, audit.Event{Operation: audit.OperationDelete}, func(ctx context.Context, call *Call[T, ID]) error {
			call.Read(ctx, s, id)
			return s.Delete(ctx, id)
		})
	})
}

// DeleteReturner returns s with what it deletes recorded.
func (a *Auditor[T, ID]) DeleteReturner(s DeleteReturner[T, ID]) DeleteReturner[T, ID] {
	mustBe(s, "DeleteReturner")
	return removeReturning[T, ID](func(ctx context.Context, id ID) (before T, err error) {
		err = a.Do(ctx, id, audit.Event{Operation: audit.OperationDelete}, func(ctx context.Context, call *Call[T, ID]) (err error) {
			before, err = s.DeleteReturning(ctx, id)
			if err == nil {
				call.Before(before)
			}
			return err
		})
		return before, err
	})
}

// write records a creation or, where there is a reader, an update.
func (a *Auditor[T, ID]) write(
	ctx context.Context, op audit.Operation, value T, reader Getter[T, ID], store func(context.Context) (T, error),
) (after T, err error) {
	var unknown ID
	err = a.Do(ctx, unknown, audit.Event{Operation: op}, func(ctx context.Context, call *Call[T, ID]) (err error) {
		call.After(value) // of a failed creation the id, if it has one
		if reader != nil {
			if id, ok := call.about(value); ok {
				call.Read(ctx, reader, id)
			}
		}
		after, err = store(ctx)
		if err == nil {
			call.became(value, after)
		}
		return err
	})
	return after, err
}

// about makes the target that of the value to be written.
func (c *Call[T, ID]) about(value T) (id ID, ok bool) {
	if isNil(value) {
		return id, false
	}
	c.safely(func() error {
		id = c.auditor.config.ID(value)
		ok = true
		return c.identify(id)
	})
	return id, ok
}

// became states what a store returned, or what it was given where it returned none.
func (c *Call[T, ID]) became(given, returned T) {
	if isNil(returned) {
		returned = given
	}
	c.After(returned)
}

// mustBe panics where a store is decorated that is not there.
func mustBe(store any, role string) {
	if store == nil {
		panic(fmt.Sprintf("auditrepo: %s of nil; pass the store that is to be decorated", role))
	}
}
