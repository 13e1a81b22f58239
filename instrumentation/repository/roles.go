package auditrepo

import "context"

// The roles that a store may have. A decorator has the role of the store that it is
// made of, so that it takes its place.

// Store is what a store usually offers, where values are pointers that it may fill in,
// or need no filling in.
type Store[T any, ID comparable] interface {
	Getter[T, ID]
	Creator[T]
	Updater[T]
	Deleter[ID]
}

// ValueStore is Store where the store returns values as it has stored them.
type ValueStore[T any, ID comparable] interface {
	Getter[T, ID]
	ValueCreator[T]
	ValueUpdater[T]
	Deleter[ID]
}

// Getter reads a value. What it returns is read by the caller while others write: a
// store in memory must not change it in place without the caller's knowledge, or is an
// [UpdateReturner].
type Getter[T any, ID comparable] interface {
	Get(ctx context.Context, id ID) (T, error)
}

// Creator stores a new value. An id that it assigns is seen where T is a pointer.
type Creator[T any] interface {
	Create(ctx context.Context, value T) error
}

// ValueCreator stores a new value and returns it as it is stored.
type ValueCreator[T any] interface {
	Create(ctx context.Context, value T) (T, error)
}

// Updater replaces a value by one with the same id.
type Updater[T any] interface {
	Update(ctx context.Context, value T) error
}

// ValueUpdater replaces a value and returns it as it is stored.
type ValueUpdater[T any] interface {
	Update(ctx context.Context, value T) (T, error)
}

// UpdateReturner replaces a value and returns what it replaced, and the value as it is
// stored, as FindOneAndReplace or UPDATE ... RETURNING make possible. It is what
// nothing can come in between.
//
// A store that has it beside Update is called by it, and not by Get and Update.
type UpdateReturner[T any] interface {
	UpdateReturning(ctx context.Context, value T) (before, after T, err error)
}

// Deleter removes a value.
type Deleter[ID comparable] interface {
	Delete(ctx context.Context, id ID) error
}

// DeleteReturner removes a value and returns what it was.
//
// A store that has it beside Delete is called by it, and not by Get and Delete.
type DeleteReturner[T any, ID comparable] interface {
	DeleteReturning(ctx context.Context, id ID) (before T, err error)
}
