package main

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/session"
)

type service struct {
	tracker audit.Tracker
	store   *store
}

// actor returns who sent the request. The first event that needs the actor calls it.
func (s *service) actor(c echo.Context) (audit.Actor, error) {
	if name := s.user(c); name != "" {
		return audit.Actor{Type: audit.ActorUser, ID: name, AuthMethod: "token"}, nil
	}
	return audit.Anonymous(), nil // the provider allows it for registrations
}

// user returns the name of the user who sent the request, or "". It must not be called
// while the store is changed.
func (s *service) user(c echo.Context) string {
	return s.store.userOf(strings.TrimPrefix(c.Request().Header.Get("Authorization"), "Token "))
}

func (s *service) requireUser(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.user(c) == "" {
			return echo.ErrUnauthorized
		}
		return next(c)
	}
}

// only allows an action of name to the author.
func only(author, name string) error {
	if name != author {
		return echo.ErrForbidden
	}
	return nil
}

func (s *service) register(c echo.Context) error {
	name := c.FormValue("name")
	before, after, err := change(s.store, s.store.users, name, true, func(u *user) error {
		*u = user{Name: name, Email: c.FormValue("email"), Password: c.FormValue("password")}
		return nil
	})
	if err != nil {
		return err
	}
	completes(c.Request().Context(), before, after)
	return c.NoContent(http.StatusCreated)
}

func (s *service) login(c echo.Context) error {
	ctx, name := c.Request().Context(), c.FormValue("name")
	token, ok := s.store.signIn(name, c.FormValue("password"))
	if !ok {
		if err := session.TrackLoginFailure(ctx, s.tracker, audit.Event{Target: audit.Target{ID: name}}, "password"); err != nil {
			return err
		}
		return echo.ErrUnauthorized
	}
	if err := session.TrackLogin(ctx, s.tracker, audit.Event{Actor: audit.User(name)}, "password"); err != nil {
		return err // no record, no session
	}
	return c.String(http.StatusOK, token)
}

func (s *service) updateUser(c echo.Context) error {
	before, after, err := change(s.store, s.store.users, s.user(c), false, func(u *user) error {
		u.Email, u.Bio = c.FormValue("email"), c.FormValue("bio")
		return nil
	})
	if err != nil {
		return err
	}
	completes(c.Request().Context(), before, after)
	return c.NoContent(http.StatusNoContent)
}

func (s *service) follow(c echo.Context) error   { return s.setFollows(c, true) }
func (s *service) unfollow(c echo.Context) error { return s.setFollows(c, false) }

func (s *service) setFollows(c echo.Context, on bool) error {
	_, _, err := change(s.store, s.store.users, s.user(c), false, func(u *user) error {
		if s.store.users[c.Param("name")] == nil {
			return echo.ErrNotFound
		}
		u.follows = toggled(u.follows, c.Param("name"), on)
		return nil
	})
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *service) createArticle(c echo.Context) error {
	name, slug := s.user(c), slugOf(c.FormValue("title"))
	before, after, err := change(s.store, s.store.articles, slug, true, func(a *article) error {
		*a = article{Slug: slug, Title: c.FormValue("title"), Body: c.FormValue("body"), Tags: tagsOf(c.FormValue("tags")), Author: name}
		return nil
	})
	if err != nil {
		return err
	}
	completes(c.Request().Context(), before, after)
	return c.String(http.StatusCreated, slug)
}

func (s *service) updateArticle(c echo.Context) error {
	name := s.user(c)
	before, after, err := change(s.store, s.store.articles, c.Param("slug"), false, func(a *article) error {
		a.Title, a.Body, a.Tags = c.FormValue("title"), c.FormValue("body"), tagsOf(c.FormValue("tags"))
		return only(a.Author, name)
	})
	if err != nil {
		return err
	}
	completes(c.Request().Context(), before, after)
	return c.NoContent(http.StatusNoContent)
}

func (s *service) deleteArticle(c echo.Context) error {
	name := s.user(c)
	removed, err := remove(s.store, s.store.articles, c.Param("slug"), func(a *article) error { return only(a.Author, name) })
	if err != nil {
		return err
	}
	completes(c.Request().Context(), removed, nil)
	return c.NoContent(http.StatusNoContent)
}

func (s *service) favorite(c echo.Context) error   { return s.setFavorite(c, true) }
func (s *service) unfavorite(c echo.Context) error { return s.setFavorite(c, false) }

func (s *service) setFavorite(c echo.Context, on bool) error {
	name := s.user(c)
	_, _, err := change(s.store, s.store.articles, c.Param("slug"), false, func(a *article) error {
		a.favorites = toggled(a.favorites, name, on)
		return nil
	})
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *service) createComment(c echo.Context) error {
	name, id := s.user(c), s.store.nextID()
	before, after, err := change(s.store, s.store.comments, id, true, func(m *comment) error {
		if s.store.articles[c.Param("slug")] == nil {
			return echo.ErrNotFound
		}
		*m = comment{ID: id, Body: c.FormValue("body"), Author: name}
		return nil
	})
	if err != nil {
		return err
	}
	completes(c.Request().Context(), before, after)
	return c.String(http.StatusCreated, id)
}

func (s *service) deleteComment(c echo.Context) error {
	name := s.user(c)
	removed, err := remove(s.store, s.store.comments, c.Param("id"), func(m *comment) error { return only(m.Author, name) })
	if err != nil {
		return err
	}
	completes(c.Request().Context(), removed, nil)
	return c.NoContent(http.StatusNoContent)
}
