package auditrepo

import "context"

// Functions in the roles of stores: decorators are closures.
type (
	get[T any, ID comparable]             func(context.Context, ID) (T, error)
	create[T any]                         func(context.Context, T) error
	createValue[T any]                    func(context.Context, T) (T, error)
	update[T any]                         func(context.Context, T) error
	updateValue[T any]                    func(context.Context, T) (T, error)
	updateReturning[T any]                func(context.Context, T) (before, after T, err error)
	remove[ID comparable]                 func(context.Context, ID) error
	removeReturning[T any, ID comparable] func(context.Context, ID) (T, error)
)

var (
	_ Getter[int, int]         = get[int, int](nil)
	_ Creator[int]             = create[int](nil)
	_ ValueCreator[int]        = createValue[int](nil)
	_ Updater[int]             = update[int](nil)
	_ ValueUpdater[int]        = updateValue[int](nil)
	_ UpdateReturner[int]      = updateReturning[int](nil)
	_ Deleter[int]             = remove[int](nil)
	_ DeleteReturner[int, int] = removeReturning[int, int](nil)
)

func (f get[T, ID]) Get(ctx context.Context, id ID) (T, error) { return f(ctx, id) }

func (f create[T]) Create(ctx context.Context, value T) error { return f(ctx, value) }

func (f createValue[T]) Create(ctx context.Context, value T) (T, error) { return f(ctx, value) }

func (f update[T]) Update(ctx context.Context, value T) error { return f(ctx, value) }

func (f updateValue[T]) Update(ctx context.Context, value T) (T, error) { return f(ctx, value) }

func (f updateReturning[T]) UpdateReturning(ctx context.Context, value T) (before, after T, err error) {
	return f(ctx, value)
}

func (f remove[ID]) Delete(ctx context.Context, id ID) error { return f(ctx, id) }

func (f removeReturning[T, ID]) DeleteReturning(ctx context.Context, id ID) (T, error) {
	return f(ctx, id)
}
