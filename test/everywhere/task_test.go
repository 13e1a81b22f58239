package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
)

// deed is what the code does: a column of the table.
type deed string

const (
	states      deed = "states the intent"
	twice       deed = "states the intent beside its route"
	forgets     deed = "forgets it"
	blind       deed = "forgets it, and the data layer raises no signal"
	fails       deed = "the write fails"
	denied      deed = "the write is denied"
	refused     deed = "is refused ahead of all"
	panicsEarly deed = "panics ahead of the write"
	panics      deed = "panics after the write"
	panicsLast  deed = "panics after the intent"
	goneEarly   deed = "is cancelled ahead of the write"
	gone        deed = "is cancelled after the write"
)

var deeds = []deed{
	states, twice, forgets, blind, fails, denied, refused, panicsEarly, panics, panicsLast, goneEarly, gone,
}

// succeeds reports whether whoever asked is told of a success.
func (d deed) succeeds() bool { return d == states || d == twice || d == forgets || d == blind }

// silent reports whether the code says nothing.
func (d deed) silent() bool { return d == forgets || d == blind }

var (
	errDisk = errors.New("the disk is broken")
	errBoom = errors.New("boom")
)

// task is one unit of work: who wants which article changed, and what is to happen at
// that article.
type task struct {
	deed
	id, user, owner string
	reason          string // of admins

	ctx    context.Context    // of who asks
	cancel context.CancelFunc // makes that one hang up
	gone   <-chan struct{}    // closed when that has arrived where the work is done

	answered chan struct{} // closed when who asked has the answer
}

type taskKey struct{}

func (k *task) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, taskKey{}, k)
}

func taskOf(ctx context.Context) *task {
	k, _ := ctx.Value(taskKey{}).(*task)
	return k
}

func (k *task) hangUp() {
	k.cancel()
	<-k.gone
}

// before is what happens ahead of the write.
func (k *task) before(ctx context.Context, id string) error {
	if id == k.id {
		switch k.deed {
		case fails:
			return errDisk
		case denied:
			return fs.ErrPermission
		case panicsEarly:
			panic(errBoom)
		case goneEarly:
			k.hangUp()
		default:
		}
	}
	return ctx.Err()
}

// after is what happens when the write was done.
func (k *task) after(id string) {
	if id != k.id {
		return
	}
	switch k.deed {
	case panics:
		panic(errBoom)
	case gone:
		k.hangUp()
	default:
	}
}

// last is what happens when all was done and said.
func (k *task) last() {
	if k.deed == panicsLast {
		panic(errBoom)
	}
}

// quietly turns the panic of a task into an error, as what is around a job does.
func quietly(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if was, ok := p.(error); !ok || !errors.Is(was, errBoom) {
				panic(p)
			}
			err = errBoom
		}
	}()
	return f()
}

// tasks are those that are under way, by the article.
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
