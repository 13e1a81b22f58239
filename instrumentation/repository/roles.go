package auditrepo

import "context"

// The roles that a store can have. A decorator has the same role as the store that it
// decorates, and can replace it.

// Store is a store whose Create and Update return only an error. If they complete a
// value, as by assigning an id, T must be a pointer.
type Store[T any, ID comparable] interface {
	Getter[T, ID]
	Creator[T]
	Updater[T]
	Deleter[ID]
}

// ValueStore is a store whose Create and Update return the stored value.
type ValueStore[T any, ID comparable] interface {
	Getter[T, ID]
	ValueCreator[T]
	ValueUpdater[T]
	Deleter[ID]
}

// Getter reads a value. The caller reads the returned value while other goroutines may
// write: a store in memory must not change it in place unless its callers synchronize,
// or must be an [UpdateReturner].
type Getter[T any, ID comparable] interface {
	Get(ctx context.Context, id ID) (T, error)
}

// Creator stores a new value. If T is a pointer, an id that Create assigns to the value
// is recorded.
type Creator[T any] interface {
	Create(ctx context.Context, value T) error
}

// ValueCreator stores a new value and returns it as stored.
type ValueCreator[T any] interface {
	Create(ctx context.Context, value T) (T, error)
}

// Updater replaces the value that has the same id.
type Updater[T any] interface {
	Update(ctx context.Context, value T) error
}

// ValueUpdater replaces the value that has the same id, and returns it as stored.
type ValueUpdater[T any] interface {
	Update(ctx context.Context, value T) (T, error)
}

// UpdateReturner replaces a value, and returns the replaced value and the new one as
// stored, as MongoDB's FindOneAndReplace and SQL's UPDATE ... RETURNING do. No other
// write can come between reading and writing.
//
// If a store has both Update and UpdateReturning, the decorators call only
// UpdateReturning.
type UpdateReturner[T any] interface {
	UpdateReturning(ctx context.Context, value T) (before, after T, err error)
}

// Deleter removes a value.
type Deleter[ID comparable] interface {
	Delete(ctx context.Context, id ID) error
}

// DeleteReturner removes a value and returns it. No other write can come between
// reading and removing.
//
// If a store has both Delete and DeleteReturning, the decorators call only
// DeleteReturning.
type DeleteReturner[T any, ID comparable] interface {
	DeleteReturning(ctx context.Context, id ID) (before T, err error)
}
