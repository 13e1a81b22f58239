package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/session"
)

type service struct {
	invoices *invoices
	trail    query.Reader
	key      []byte // signs the tokens
}

func newServer(s *service) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(middleware.Recover(), middleware.RequestID(), auditecho.Middleware(
		auditecho.WithActor(actorOf),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),
	))
	e.POST("/login", s.login)

	// The route says what is done, and the handler completes it. The outcome follows from the
	// response status. An intent covers the driver's signal of the same invoice, so only the
	// intent is recorded.
	g := e.Group("/invoices", echojwt.WithConfig(echojwt.Config{SigningKey: s.key}))
	invoice := auditecho.TargetParam("invoice", "id")
	g.POST("", s.create, auditecho.Intent(tracker, audit.Event{Action: "invoice.create", Operation: audit.OperationCreate}))
	g.PATCH("/:id", s.update, auditecho.Intent(tracker, audit.Event{Action: "invoice.update", Operation: audit.OperationUpdate},
		invoice, auditecho.ReasonFrom(auditecho.Form("reason"))))
	g.POST("/:id/approve", s.approve, auditecho.Intent(tracker, audit.Event{Action: "invoice.approve", Operation: audit.OperationUpdate}, invoice))
	g.DELETE("/:id", s.remove) // it forgot its intent, so the driver's signal is recorded instead
	g.POST("/archive", s.archive)
	g.GET("/:id/trail", s.showTrail)
	return e
}

// actorOf returns the user of a request. The first event that needs the actor calls it.
func actorOf(c echo.Context) (audit.Actor, error) {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return audit.Actor{}, nil // not signed in
	}
	id, err := token.Claims.GetSubject()
	return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "jwt"}, err
}

func (s *service) login(c echo.Context) error {
	ctx, name := c.Request().Context(), c.FormValue("name")
	if c.FormValue("password") != "correct horse" {
		if err := session.TrackLoginFailure(ctx, tracker, audit.Event{Target: audit.Target{ID: name}, Reason: "wrong password"}, "password"); err != nil {
			return err
		}
		return echo.ErrUnauthorized
	}
	if err := session.TrackLogin(ctx, tracker, audit.Event{Actor: audit.User(name)}, "password"); err != nil {
		return err // no record, no session
	}
	claims := jwt.RegisteredClaims{Subject: name, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.key)
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, token)
}

func (s *service) create(c echo.Context) error {
	ctx := c.Request().Context()
	amount, err := strconv.ParseInt(c.FormValue("amount"), 10, 64)
	if err != nil {
		return echo.ErrBadRequest
	}
	i, err := s.invoices.create(ctx, amount, c.FormValue("account"))
	if err != nil {
		return err
	}
	audit.SetTarget(ctx, i.target())
	audit.SetChanges(ctx, nil, &i)
	return c.String(http.StatusCreated, i.ID.Hex())
}

func (s *service) update(c echo.Context) error {
	ctx := c.Request().Context()
	amount, err := strconv.ParseInt(c.FormValue("amount"), 10, 64)
	if err != nil {
		return echo.ErrBadRequest
	}
	before, after, err := s.invoices.setAmount(ctx, c.Param("id"), amount)
	if err != nil {
		return err
	}
	audit.SetChanges(ctx, before, after)
	return c.NoContent(http.StatusNoContent)
}

func (s *service) approve(c echo.Context) error {
	if err := s.invoices.approve(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *service) remove(c echo.Context) error {
	if err := s.invoices.remove(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// archive changes many invoices at once and records one bulk event. By design, bulk writes
// raise no signals.
func (s *service) archive(c echo.Context) error {
	ctx := c.Request().Context()
	n, err := s.invoices.archive(ctx)
	if err != nil {
		return err
	}
	err = tracker.Track(ctx, audit.Event{
		Action: "invoice.archive", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "invoice"}, Reason: "approved and closed",
		Bulk: audit.Bulk{Selector: "status=" + approved, Affected: n},
	})
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, strconv.FormatInt(n, 10))
}

// showTrail responds with the records of one invoice, oldest first.
func (s *service) showTrail(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextPlainCharsetUTF8)
	text, err := stdout.New(stdout.WithWriter(c.Response()), stdout.WithText())
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	for r, err := range s.trail.Find(ctx, query.Filter{Targets: []audit.Target{{Type: "invoice", ID: c.Param("id")}}, Ascending: true}) {
		if err != nil {
			return err
		}
		if err := text.Export(ctx, []*record.Record{r}); err != nil {
			return err
		}
	}
	return text.Shutdown(ctx)
}
