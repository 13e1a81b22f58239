package viewer

import (
	"context"
	"runtime"
	"sync"
)

// slots bound how many expensive searches, or exports, run at once, all together and for each
// actor: more of them would take longer, all of them, and so would every other page. They are
// safe for concurrent use.
type slots struct {
	all chan struct{}

	mu     sync.Mutex
	actors map[string]*actorSlot
}

// actorSlot is that of an actor, and how many hold it or wait for it.
type actorSlot struct {
	one  chan struct{}
	used int
}

// maxSearches is one fewer than there are processors, so that cheap pages and the service around
// the viewer have that one.
func maxSearches() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// maxExports is twice the number of processors, since exports wait for those who download them.
func maxExports() int { return 2 * runtime.GOMAXPROCS(0) }

// newSlots returns n slots.
func newSlots(n int) *slots {
	return &slots{all: make(chan struct{}, n), actors: map[string]*actorSlot{}}
}

// take waits for the slot of the actor and then for one of all. Call release when the search
// is over. The error is that of ctx.
func (s *slots) take(ctx context.Context, actor string) (release func(), err error) {
	slot := s.use(actor)
	select {
	case slot.one <- struct{}{}:
	case <-ctx.Done():
		s.leave(actor)
		return nil, ctx.Err()
	}
	select {
	case s.all <- struct{}{}:
	case <-ctx.Done():
		<-slot.one
		s.leave(actor)
		return nil, ctx.Err()
	}
	return func() {
		<-s.all
		<-slot.one
		s.leave(actor)
	}, nil
}

func (s *slots) use(actor string) *actorSlot {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.actors[actor]
	if slot == nil {
		slot = &actorSlot{one: make(chan struct{}, 1)}
		s.actors[actor] = slot
	}
	slot.used++
	return slot
}

func (s *slots) leave(actor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := s.actors[actor]; slot.used > 1 {
		slot.used--
	} else {
		delete(s.actors, actor)
	}
}
