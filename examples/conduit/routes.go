package main

import (
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/semconv"
)

// newServer returns the service. What its routes do is recorded by the tracker.
func newServer(tracker audit.Tracker) *echo.Echo {
	s := &service{tracker: tracker, store: newStore()}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true // stdout is for the trail
	e.Use(middleware.Recover(), middleware.RequestID(), auditecho.Middleware(
		auditecho.WithActor(s.actor),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),       // a 401 or 403 that left no intent leaves one
		auditecho.WithCoverage(tracker, nil), // so does a change that recorded nothing
	))
	intent := func(action string, op audit.Operation, opts ...auditecho.IntentOption) echo.MiddlewareFunc {
		return auditecho.Intent(tracker, audit.Event{Action: action, Operation: op}, opts...)
	}
	profile, article := auditecho.TargetParam("user", "name"), auditecho.TargetParam("article", "slug")

	e.POST("/users", s.register, intent("user.register", audit.OperationCreate))
	e.POST("/users/login", s.login) // it records who came in, and who did not
	g := e.Group("", s.requireUser)
	g.PUT("/user", s.updateUser, intent("user.update", audit.OperationUpdate))
	g.POST("/profiles/:name/follow", s.follow, intent("user.follow", audit.OperationUpdate, profile))
	g.DELETE("/profiles/:name/follow", s.unfollow, intent("user.unfollow", audit.OperationUpdate, profile))
	g.POST("/articles", s.createArticle, intent("article.create", audit.OperationCreate))
	g.PUT("/articles/:slug", s.updateArticle, intent("article.update", audit.OperationUpdate, article))
	g.DELETE("/articles/:slug", s.deleteArticle, intent("article.delete", audit.OperationDelete, article, auditecho.ReasonFrom(auditecho.Query("reason"))))
	g.POST("/articles/:slug/favorite", s.favorite, intent("article.favorite", audit.OperationUpdate, article))
	g.DELETE("/articles/:slug/favorite", s.unfavorite, intent("article.unfavorite", audit.OperationUpdate, article))
	g.POST("/articles/:slug/comments", s.createComment, intent("comment.create", audit.OperationCreate))
	g.DELETE("/articles/:slug/comments/:id", s.deleteComment, intent("comment.delete", audit.OperationDelete, auditecho.TargetParam("comment", "id")))
	return e
}
