package main

import (
	"context"
	"strconv"
	"sync"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
)

// article opts its fields in to the trail by struct tags. The body is sensitive: the trail
// records that it changed, but not its text.
type article struct {
	ID        string
	Title     string `audit:"title"`
	Body      string `audit:"body,sensitive"`
	Published bool   `audit:"published"`
}

func (a article) target() audit.Target {
	return audit.Target{Type: "article", ID: a.ID, Name: a.Title}
}

// store is the data layer. It raises a signal for each write, as a fallback for code that
// records no intent.
type store struct {
	mu   sync.Mutex
	last int
	byID map[string]article
}

var articles = &store{byID: map[string]article{"draft-7": {ID: "draft-7", Title: "Untitled"}}}

// write changes one article and raises the signal. It returns an error if the signal could
// not be recorded: a write without a trail must not look like a success.
func (s *store) write(ctx context.Context, op audit.Operation, id string, change func(*article)) (before, after article, err error) {
	s.mu.Lock()
	before, found := s.byID[id]
	if !found && op != audit.OperationCreate {
		s.mu.Unlock()
		return before, after, echo.ErrNotFound
	}
	after = before
	after.ID = id
	change(&after)
	s.byID[id] = after
	if op == audit.OperationDelete {
		delete(s.byID, id)
	}
	s.mu.Unlock()

	return before, after, tracker.Track(ctx, audit.Event{
		Kind: audit.KindSignal, Action: "article." + op.String(), Operation: op, Target: after.target(),
	})
}

func (s *store) create(ctx context.Context, title, body string) (article, error) {
	s.mu.Lock()
	s.last++
	id := strconv.Itoa(1000 + s.last)
	s.mu.Unlock()
	_, a, err := s.write(ctx, audit.OperationCreate, id, func(a *article) { a.Title, a.Body = title, body })
	return a, err
}

func (s *store) update(ctx context.Context, id, title, body string) (before, after article, err error) {
	return s.write(ctx, audit.OperationUpdate, id, func(a *article) { a.Title, a.Body = title, body })
}

func (s *store) publish(ctx context.Context, id string) error {
	_, _, err := s.write(ctx, audit.OperationUpdate, id, func(a *article) { a.Published = true })
	return err
}

func (s *store) remove(ctx context.Context, id string) error {
	_, _, err := s.write(ctx, audit.OperationDelete, id, func(*article) {})
	return err
}

// purgeDrafts is a background job: no user started it, so its actor is a system.
func purgeDrafts(ctx context.Context) error {
	return audit.Run(ctx, func(ctx context.Context) error {
		if err := articles.remove(ctx, "draft-7"); err != nil {
			return err
		}
		return tracker.Track(ctx, audit.Event{
			Action: "article.purge", Operation: audit.OperationDelete, Outcome: audit.OutcomeSuccess,
			Target: audit.Target{Type: "article", ID: "draft-7"}, Reason: "a draft older than 30 days",
		})
	}, audit.AsActor(audit.System("draft-purge")), audit.WithChannel(semconv.ChannelJob))
}
