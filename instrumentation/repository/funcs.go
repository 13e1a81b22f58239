package auditrepo

import "context"

// Adapters that make functions stores of one role. The decorators are closures.
type (
	getterFunc[T any, ID comparable]         func(context.Context, ID) (T, error)
	creatorFunc[T any]                       func(context.Context, T) error
	valueCreatorFunc[T any]                  func(context.Context, T) (T, error)
	updaterFunc[T any]                       func(context.Context, T) error
	valueUpdaterFunc[T any]                  func(context.Context, T) (T, error)
	updateReturnerFunc[T any]                func(context.Context, T) (before, after T, err error)
	deleterFunc[ID comparable]               func(context.Context, ID) error
	deleteReturnerFunc[T any, ID comparable] func(context.Context, ID) (T, error)
)

var (
	_ Getter[int, int]         = getterFunc[int, int](nil)
	_ Creator[int]             = creatorFunc[int](nil)
	_ ValueCreator[int]        = valueCreatorFunc[int](nil)
	_ Updater[int]             = updaterFunc[int](nil)
	_ ValueUpdater[int]        = valueUpdaterFunc[int](nil)
	_ UpdateReturner[int]      = updateReturnerFunc[int](nil)
	_ Deleter[int]             = deleterFunc[int](nil)
	_ DeleteReturner[int, int] = deleteReturnerFunc[int, int](nil)
)

func (f getterFunc[T, ID]) Get(ctx context.Context, id ID) (T, error) { return f(ctx, id) }

func (f creatorFunc[T]) Create(ctx context.Context, value T) error { return f(ctx, value) }

func (f valueCreatorFunc[T]) Create(ctx context.Context, value T) (T, error) { return f(ctx, value) }

func (f updaterFunc[T]) Update(ctx context.Context, value T) error { return f(ctx, value) }

func (f valueUpdaterFunc[T]) Update(ctx context.Context, value T) (T, error) { return f(ctx, value) }

func (f updateReturnerFunc[T]) UpdateReturning(ctx context.Context, value T) (before, after T, err error) {
	return f(ctx, value)
}

func (f deleterFunc[ID]) Delete(ctx context.Context, id ID) error { return f(ctx, id) }

func (f deleteReturnerFunc[T, ID]) DeleteReturning(ctx context.Context, id ID) (T, error) {
	return f(ctx, id)
}
