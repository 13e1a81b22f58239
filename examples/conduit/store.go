package main

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
)

// The tags say what is recorded of a change. What has none is never recorded.
type user struct {
	Name     string `audit:"name"`
	Email    string `audit:"email"`
	Password string `audit:"password,sensitive"`
	Bio      string `audit:"bio"`
	follows  map[string]bool
}

type article struct {
	Slug      string
	Title     string   `audit:"title"`
	Body      string   `audit:"body,sensitive"`
	Tags      []string `audit:"tags"`
	Author    string   `audit:"author"`
	favorites map[string]bool
}

type comment struct {
	ID     string
	Body   string `audit:"body,sensitive"`
	Author string `audit:"author"`
}

func (u *user) target() audit.Target { return audit.Target{Type: "user", ID: u.Name} }
func (a *article) target() audit.Target {
	return audit.Target{Type: "article", ID: a.Slug, Name: a.Title}
}
func (c *comment) target() audit.Target { return audit.Target{Type: "comment", ID: c.ID} }

// completes says what the event of the request was done to, and what changed: before is nil
// for what was created, after for what was deleted.
func completes[T any, P interface {
	*T
	target() audit.Target
}](ctx context.Context, before, after P) {
	if after != nil {
		audit.SetTarget(ctx, after.target())
	} else {
		audit.SetTarget(ctx, before.target())
	}
	audit.SetChanges(ctx, before, after)
}

// store keeps everything in memory. It knows nothing of the trail.
type store struct {
	mu       sync.Mutex
	last     int
	users    map[string]*user
	tokens   map[string]string // of users
	articles map[string]*article
	comments map[string]*comment
}

func newStore() *store {
	return &store{users: map[string]*user{}, tokens: map[string]string{}, articles: map[string]*article{}, comments: map[string]*comment{}}
}

// change replaces the value of a key by what edit makes of a copy, and returns both. edit
// gets the zero value for a new key.
func change[T any](s *store, values map[string]*T, key string, create bool, edit func(*T) error) (before, after *T, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = values[key]
	switch {
	case create && before != nil:
		return nil, nil, echo.ErrConflict
	case !create && before == nil:
		return nil, nil, echo.ErrNotFound
	}
	after = new(T)
	if before != nil {
		*after = *before
	}
	if err := edit(after); err != nil {
		return nil, nil, err
	}
	values[key] = after
	return before, after, nil
}

// remove removes the value of a key, if may allows it, and returns it.
func remove[T any](s *store, values map[string]*T, key string, may func(*T) error) (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := values[key]
	if value == nil {
		return nil, echo.ErrNotFound
	}
	if err := may(value); err != nil {
		return nil, err
	}
	delete(values, key)
	return value, nil
}

func (s *store) signIn(name, password string) (token string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[name]
	if u == nil || u.Password != password {
		return "", false
	}
	token = rand.Text()
	s.tokens[token] = name
	return token, true
}

func (s *store) userOf(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[token]
}

func (s *store) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	return strconv.Itoa(s.last)
}

// toggled returns a copy of set with or without key.
func toggled(set map[string]bool, key string, on bool) map[string]bool {
	set = maps.Clone(set)
	if set == nil {
		set = map[string]bool{}
	}
	if on {
		set[key] = true
	} else {
		delete(set, key)
	}
	return set
}

func slugOf(title string) string { return strings.Join(strings.Fields(strings.ToLower(title)), "-") }

func tagsOf(text string) []string {
	tags := strings.Fields(text)
	slices.Sort(tags)
	return tags
}
