package main

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/opendeed/audit"
)

// article opts its fields in to the trail by struct tags.
type article struct {
	ID       string
	Title    string `audit:"title"`
	Owner    string `audit:"owner"`
	Archived bool   `audit:"archived"`
}

// store is the data layer. It raises a signal for each write, which is recorded if no
// intent covers it.
type store struct {
	mu   sync.Mutex
	byID map[string]article
}

var articles = &store{byID: map[string]article{}}

func (s *store) Get(_ context.Context, id string) (article, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, found := s.byID[id]
	if !found {
		return a, fs.ErrNotExist
	}
	return a, nil
}

func (s *store) Create(ctx context.Context, a article) error {
	s.mu.Lock()
	_, found := s.byID[a.ID]
	if !found {
		s.byID[a.ID] = a
	}
	s.mu.Unlock()
	if found {
		return fs.ErrExist
	}
	return s.signal(ctx, audit.OperationCreate, a.ID)
}

// Update returns fs.ErrPermission for an archived article.
func (s *store) Update(ctx context.Context, a article) error {
	s.mu.Lock()
	before, found := s.byID[a.ID]
	if found && !before.Archived {
		s.byID[a.ID] = a
	}
	s.mu.Unlock()
	switch {
	case !found:
		return fs.ErrNotExist
	case before.Archived:
		return fs.ErrPermission
	}
	return s.signal(ctx, audit.OperationUpdate, a.ID)
}

func (s *store) Delete(ctx context.Context, id string) error {
	s.mu.Lock()
	_, found := s.byID[id]
	delete(s.byID, id)
	s.mu.Unlock()
	if !found {
		return fs.ErrNotExist
	}
	return s.signal(ctx, audit.OperationDelete, id)
}

func (s *store) signal(ctx context.Context, op audit.Operation, id string) error {
	return tracker.Track(ctx, audit.Event{
		Kind: audit.KindSignal, Action: "article." + op.String(), Operation: op, Target: audit.Target{Type: "article", ID: id},
	})
}

// retitle changes the title of all articles of an owner, and returns their IDs. Like other
// bulk writes, it raises no signals.
func (s *store) retitle(owner, title string) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		if a := s.byID[id]; a.Owner == owner {
			a.Title = title
			s.byID[id] = a
			ids = append(ids, id)
		}
	}
	return ids
}
