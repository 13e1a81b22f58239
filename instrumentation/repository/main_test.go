package auditrepo_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// article is the value of most tests.
type article struct {
	ID    string
	Title string   `audit:"title"`
	Body  string   `audit:"body,sensitive"`
	Tags  []string `audit:"tags"`
	Notes string
}

var errNotFound = errors.New("article not found")

// memory is the worst case of a store: Get returns the stored objects themselves, and
// writes change them in place. It tracks a signal for each write, as a data layer does.
type memory struct {
	tracker audit.Tracker // for signals; may be nil
	// afterWrite is called after each write and its signal. Its error is returned.
	afterWrite func(context.Context) error
	getErr     error

	mu       sync.Mutex
	articles map[string]*article
	assigned int
}

func newMemory(tracker audit.Tracker, articles ...article) *memory {
	m := &memory{tracker: tracker, articles: map[string]*article{}}
	for _, a := range articles {
		m.articles[a.ID] = &a
	}
	return m
}

func (m *memory) Get(_ context.Context, id string) (*article, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.getErr != nil {
		return nil, m.getErr
	}
	if a, ok := m.articles[id]; ok {
		return a, nil
	}
	return nil, errNotFound
}

func (m *memory) Create(ctx context.Context, a *article) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ID == "" {
		m.assigned++
		a.ID = fmt.Sprintf("new-%d", m.assigned)
	}
	m.articles[a.ID] = a
	return m.finish(ctx, audit.OperationCreate, a.ID)
}

func (m *memory) Update(ctx context.Context, a *article) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, ok := m.articles[a.ID]
	if !ok {
		return errNotFound
	}
	stored.Title, stored.Body, stored.Notes = a.Title, a.Body, a.Notes
	if stored.Tags == nil || a.Tags == nil {
		stored.Tags = slices.Clone(a.Tags)
	} else {
		stored.Tags = append(stored.Tags[:0], a.Tags...) // reuse the array
	}
	return m.finish(ctx, audit.OperationUpdate, a.ID)
}

func (m *memory) Delete(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, ok := m.articles[id]
	if !ok {
		return errNotFound
	}
	*stored = article{ID: id, Title: "deleted"}
	delete(m.articles, id)
	return m.finish(ctx, audit.OperationDelete, id)
}

func (m *memory) finish(ctx context.Context, op audit.Operation, id string) error {
	if m.tracker != nil {
		if err := m.tracker.Track(ctx, signal(op, id)); err != nil {
			return err
		}
	}
	if m.afterWrite != nil {
		return m.afterWrite(ctx)
	}
	return nil
}

func signal(op audit.Operation, id string) audit.Event {
	return audit.Event{
		Kind: audit.KindSignal, Action: "article." + op.String(), Operation: op,
		Target: audit.Target{Type: "article", ID: id}, Outcome: audit.OutcomeSuccess,
	}
}

// config returns the Config of most tests.
func config() auditrepo.Config[*article, string] {
	return auditrepo.Config[*article, string]{
		TargetType: "article",
		ID:         func(a *article) string { return a.ID },
		Name:       func(a *article) string { return a.Title },
	}
}

func newAuditor(t *testing.T, tracker audit.Tracker, c auditrepo.Config[*article, string]) *auditrepo.Auditor[*article, string] {
	t.Helper()
	a, err := auditrepo.New(tracker, c)
	require.NoError(t, err)
	return a
}

// as returns a context with the user as its actor.
func as(t *testing.T, user string) context.Context {
	t.Helper()
	return audit.ContextWithActor(t.Context(), audit.User(user))
}

// trail returns one line for each record.
func trail(r *audittest.Recorder) []string {
	var lines []string
	for _, record := range r.Records() {
		lines = append(lines, line(record))
	}
	return lines
}

func line(r *record.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s by %s:%s on %s/%s", r.Kind, r.Action, r.Operation, r.Outcome, r.Actor.Type, r.Actor.ID, r.Target.Type, r.Target.ID)
	if r.Target.Name != "" {
		fmt.Fprintf(&b, " %q", r.Target.Name)
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, " [%s %s -> %s]", c.Field, value(c.Old), value(c.New))
	}
	for _, kv := range r.Metadata {
		fmt.Fprintf(&b, " %s=%s", kv.Key, kv.Value.String())
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, " because %s", r.Reason)
	}
	return b.String()
}

func value(v attribute.Value) string {
	if v.Type() == attribute.EMPTY {
		return "nothing"
	}
	return v.String()
}

// result is how a function ended.
type result struct {
	err      error
	panicked any
	exited   bool
}

// run calls f on a new goroutine, and reports whether it returned, panicked or exited.
func run(f func() error) result {
	results := make(chan result)
	go func() {
		r := result{exited: true}
		defer func() {
			if r.panicked = recover(); r.panicked != nil {
				r.exited = false
			}
			results <- r
		}()
		r.err = f()
		r.exited = false
	}()
	return <-results
}

func exit(context.Context) error {
	runtime.Goexit()
	return nil
}
