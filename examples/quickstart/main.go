// Quickstart is an article service whose every change leaves a trail: in a ledger,
// by default in ./audit-ledger, and as text on stdout. "quickstart trail" shows what
// is in the ledger. "make demo" runs it and drives it with real requests.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

var tracker = audit.GetTrackerProvider().Tracker("example.com/quickstart")

func main() {
	// Where the trail goes is decided here, once. Track returns when the record is on
	// disk; the exporter follows, and goes on where it was after a crash.
	exporter, err := stdout.New(stdout.WithText())
	if err != nil {
		log.Fatal(err)
	}
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	if len(os.Args) > 1 && os.Args[1] == "trail" {
		if err := showTrail(context.Background(), dir, exporter); err != nil {
			log.Fatal(err)
		}
		return
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(exporter)))
	if err != nil {
		log.Fatal(err)
	}
	audit.SetTrackerProvider(provider)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := purgeDrafts(ctx); err != nil {
		log.Fatal(err)
	}
	e := newServer()
	context.AfterFunc(ctx, func() { _ = e.Shutdown(context.Background()) })
	if err := e.Start("127.0.0.1:" + os.Getenv("PORT")); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := provider.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func newServer() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true // stdout is the trail's
	key := []byte(rand.Text())
	// The middleware supplies the context of every event: who, from where, by which
	// request. A request that is refused and left no event leaves one.
	e.Use(middleware.Recover(), middleware.RequestID(), auditecho.Middleware(
		auditecho.WithActor(actorOf),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),
	))
	e.POST("/login", login(key))
	e.POST("/articles/:id/like", like)

	g := e.Group("/articles", echojwt.WithConfig(echojwt.Config{SigningKey: key}))
	g.POST("", create)
	g.PATCH("/:id", update)
	g.DELETE("/:id", remove)
	// A route intent records the outcome from the status; the handler adds the
	// target.
	g.POST("/:id/publish", publish, auditecho.Intent(tracker, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Reason: "editorial approval",
	}))
	return e
}

// actorOf is asked when the first event of a request needs the actor.
func actorOf(c echo.Context) (audit.Actor, error) {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return audit.Actor{}, nil // nobody
	}
	id, err := token.Claims.GetSubject()
	return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "jwt"}, err
}

func login(key []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, name := c.Request().Context(), c.FormValue("name")
		if c.FormValue("password") != "correct horse" {
			if err := audit.TrackLoginFailure(ctx, tracker, audit.Event{Target: audit.Target{ID: name}, Reason: "wrong password"}, "password"); err != nil {
				return err
			}
			return echo.ErrUnauthorized
		}
		if err := audit.TrackLogin(ctx, tracker, audit.Event{Actor: audit.User(name)}, "password"); err != nil {
			return err // no record, no session
		}
		claims := jwt.RegisteredClaims{Subject: name, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, token)
	}
}

func create(c echo.Context) error {
	ctx := c.Request().Context()
	a, err := articles.create(ctx, c.FormValue("title"), c.FormValue("body"))
	if err != nil {
		return err
	}
	// The intent covers the signal that the store raised for the same article.
	if err := audit.TrackCreate(ctx, tracker, audit.Event{Target: a.target()}, a); err != nil {
		return err
	}
	return c.String(http.StatusCreated, a.ID)
}

func update(c echo.Context) error {
	ctx := c.Request().Context()
	before, after, err := articles.update(ctx, c.Param("id"), c.FormValue("title"), c.FormValue("body"))
	if err != nil {
		return err
	}
	event := audit.Event{Target: after.target(), Reason: c.FormValue("reason")}
	if err := audit.TrackUpdate(ctx, tracker, event, before, after); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func publish(c echo.Context) error {
	ctx := c.Request().Context()
	if err := audit.SetTarget(ctx, audit.Target{Type: "article", ID: c.Param("id")}); err != nil {
		return err
	}
	return articles.publish(ctx, c.Param("id"))
}

// remove states no intent: the store's signal is what remains.
func remove(c echo.Context) error {
	return articles.remove(c.Request().Context(), c.Param("id"))
}

// like is open to everybody, but nobody allowed anonymous likes.
func like(c echo.Context) error {
	event := audit.Event{Action: "article.like", Actor: audit.Anonymous(), Target: audit.Target{Type: "article", ID: c.Param("id")}}
	if err := tracker.Track(c.Request().Context(), event); err != nil {
		return echo.NewHTTPError(http.StatusForbidden).SetInternal(err)
	}
	return c.NoContent(http.StatusNoContent)
}
