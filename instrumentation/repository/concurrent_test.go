package auditrepo_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sharedStore is a concurrent store of values. It tracks a signal for each write.
type sharedStore struct {
	tracker audit.Tracker
	mu      sync.Mutex
	pages   map[int]page
}

func (s *sharedStore) Get(_ context.Context, id int) (page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pages[id]
	if !ok {
		return p, errNotFound
	}
	return p, nil
}

func (s *sharedStore) Create(ctx context.Context, p page) error {
	return s.put(ctx, audit.OperationCreate, p)
}

func (s *sharedStore) Update(ctx context.Context, p page) error {
	return s.put(ctx, audit.OperationUpdate, p)
}

func (s *sharedStore) Delete(ctx context.Context, id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.pages[id]; !ok {
		return errNotFound
	}
	delete(s.pages, id)
	return s.signal(ctx, audit.OperationDelete, id)
}

func (s *sharedStore) put(ctx context.Context, op audit.Operation, p page) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[p.ID] = p
	return s.signal(ctx, op, p.ID)
}

func (s *sharedStore) signal(ctx context.Context, op audit.Operation, id int) error {
	e := signal(op, fmt.Sprint(id))
	e.Target.Type = "page"
	return s.tracker.Track(ctx, e)
}

// TestConcurrentActors runs a thousand requests at once, each with its own actor, half of
// them in a scope. Each write must be recorded once, with the right actor.
func TestConcurrentActors(t *testing.T) {
	t.Parallel()
	const requests = 1000
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	a, err := auditrepo.New(tracker, auditrepo.Config[page, int]{TargetType: "page", ID: func(p page) int { return p.ID }})
	require.NoError(t, err)
	s := a.Store(&sharedStore{tracker: tracker, pages: map[int]page{}})

	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := 1; n <= requests; n++ {
		wg.Go(func() {
			<-start
			ctx := audit.ContextWithActor(context.Background(), audit.User(fmt.Sprint(n)))
			if n%2 == 0 {
				var scope *audit.Scope
				ctx, scope = audit.NewScope(context.Background(), audit.WithActor(func(context.Context) (audit.Actor, error) {
					return audit.User(fmt.Sprint(n)), nil
				}))
				defer func() { assert.NoError(t, scope.End(ctx)) }()
			}
			assert.NoError(t, s.Create(ctx, page{ID: n, Title: "a"}))
			assert.NoError(t, s.Update(ctx, page{ID: n, Title: "b"}))
			assert.Same(t, errNotFound, s.Delete(ctx, -n))
			assert.NoError(t, s.Delete(ctx, n))
		})
	}
	close(start)
	wg.Wait()

	got := map[string][]string{}
	for _, r := range recorder.Records() {
		id := strings.TrimPrefix(r.Target.ID, "-")
		got[id] = append(got[id], line(r))
	}
	require.Len(t, got, requests)
	for id, lines := range got {
		by := fmt.Sprintf(" by user:%s on page/", id)
		require.Equal(t, []string{
			"intent page.create create success" + by + id + " [title nothing -> a] [version nothing -> 0]",
			"intent page.update update success" + by + id + " [title a -> b]",
			"intent page.delete delete failure" + by + "-" + id + " error.type=*errors.errorString",
			"intent page.delete delete success" + by + id + " [title b -> nothing] [version 0 -> nothing]",
		}, lines)
	}
}
