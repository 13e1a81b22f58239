package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
)

// behavior is what the code does: a column of the table.
type behavior string

const (
	recordsIntent       behavior = "records the intent"
	recordsTwice        behavior = "records the intent in addition to the route"
	forgetsIntent       behavior = "forgets the intent"
	leavesNoTrace       behavior = "forgets the intent, and the data layer raises no signal"
	failsToWrite        behavior = "the write fails"
	deniedWrite         behavior = "the write is denied"
	deniedRequest       behavior = "the request is denied before the update"
	panicsBeforeWrite   behavior = "panics before the write"
	panicsAfterWrite    behavior = "panics after the write"
	panicsAfterIntent   behavior = "panics after the intent"
	canceledBeforeWrite behavior = "is canceled before the write"
	canceledAfterWrite  behavior = "is canceled after the write"
)

var behaviors = []behavior{
	recordsIntent, recordsTwice, forgetsIntent, leavesNoTrace, failsToWrite, deniedWrite, deniedRequest,
	panicsBeforeWrite, panicsAfterWrite, panicsAfterIntent, canceledBeforeWrite, canceledAfterWrite,
}

// succeeds reports whether the caller gets a success.
func (b behavior) succeeds() bool {
	return b == recordsIntent || b == recordsTwice || b == forgetsIntent || b == leavesNoTrace
}

// noIntent reports whether the code records no intent.
func (b behavior) noIntent() bool { return b == forgetsIntent || b == leavesNoTrace }

var (
	errDisk = errors.New("the disk is broken")
	errBoom = errors.New("boom")
)

// task is one unit of work: who updates which article, and what the code does at that
// article.
type task struct {
	behavior
	id, user, owner string
	reason          string // set by the admin panel

	ctx      context.Context    // of the caller
	cancel   context.CancelFunc // cancels the caller's context
	canceled <-chan struct{}    // closed when the cancellation has reached the code that does the work

	answered chan struct{} // closed when the caller has the response
}

type taskKey struct{}

func contextWithTask(ctx context.Context, k *task) context.Context {
	return context.WithValue(ctx, taskKey{}, k)
}

func taskFromContext(ctx context.Context) *task {
	k, _ := ctx.Value(taskKey{}).(*task)
	return k
}

func (k *task) cancelAndWait() {
	k.cancel()
	<-k.canceled
}

// beforeWrite does what the task's behavior demands before the write.
func (k *task) beforeWrite(ctx context.Context, id string) error {
	if id == k.id {
		switch k.behavior {
		case failsToWrite:
			return errDisk
		case deniedWrite:
			return fs.ErrPermission
		case panicsBeforeWrite:
			panic(errBoom)
		case canceledBeforeWrite:
			k.cancelAndWait()
		default:
		}
	}
	return ctx.Err()
}

// afterWrite does what the task's behavior demands after the write.
func (k *task) afterWrite(id string) {
	if id != k.id {
		return
	}
	switch k.behavior {
	case panicsAfterWrite:
		panic(errBoom)
	case canceledAfterWrite:
		k.cancelAndWait()
	default:
	}
}

// afterIntent does what the task's behavior demands at the end of the update.
func (k *task) afterIntent() {
	if k.behavior == panicsAfterIntent {
		panic(errBoom)
	}
}

// recoverBoom calls f and turns the panic of a task into an error, as job runners do.
func recoverBoom(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, errBoom) {
				panic(p)
			}
			err = errBoom
		}
	}()
	return f()
}

// tasks holds the running tasks by the id of their article.
type tasks struct {
	mu   sync.Mutex
	byID map[string]*task
}

func (t *tasks) put(k *task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*task{}
	}
	t.byID[k.id] = k
}

func (t *tasks) get(id string) *task {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}
