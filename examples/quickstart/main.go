// Quickstart is an article service that records every change in an audit trail: in a
// ledger on disk, by default ./audit-ledger, and as text on stdout. "quickstart trail"
// prints the ledger. "make demo" runs the service and drives it with real requests.
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
	"syscall"
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
	"github.com/opendeed/audit/session"
)

// tracker uses the provider that run sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/quickstart")

func main() {
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	if err := run(dir, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exporter, err := stdout.New(stdout.WithText())
	if err != nil {
		return err
	}
	if len(args) > 0 && args[0] == "trail" {
		return showTrail(ctx, dir, exporter)
	}

	// Where the trail goes is decided here, once. Track returns when the record is on
	// disk. The exporter reads the ledger and, after a crash, resumes where it stopped.
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(exporter)))
	if err != nil {
		return err
	}
	audit.SetTrackerProvider(provider)

	if err = purgeDrafts(ctx); err == nil {
		err = serve(ctx)
	}
	// The requests have finished and are recorded. Now the provider delivers what is left.
	return errors.Join(err, withTimeout(provider.Shutdown))
}

// serve answers requests until ctx ends, then waits for those under way.
func serve(ctx context.Context) error {
	e := newServer()
	failed := make(chan error, 1)
	go func() { failed <- e.Start("127.0.0.1:" + os.Getenv("PORT")) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return withTimeout(e.Shutdown)
	}
}

// shutdownTimeout limits each step of the shutdown.
const shutdownTimeout = 5 * time.Second

// withTimeout calls fn with a context that ends after shutdownTimeout.
func withTimeout(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return fn(ctx)
}

func newServer() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true // stdout is for the trail
	key := []byte(rand.Text())
	// The middleware supplies the context of every event: who, from where, in which
	// request. WithDenials records a request that was denied and recorded no event.
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
	// A route intent takes its outcome from the response status; the handler sets the
	// target.
	g.POST("/:id/publish", publish, auditecho.Intent(tracker, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Reason: "editorial approval",
	}))
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

func login(key []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
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
	// The intent covers the signal that the store raised for the same article, so only
	// the intent is recorded.
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
	audit.SetTarget(ctx, audit.Target{Type: "article", ID: c.Param("id")})
	return articles.publish(ctx, c.Param("id"))
}

// remove records no intent, so the store's signal is recorded instead.
func remove(c echo.Context) error {
	return articles.remove(c.Request().Context(), c.Param("id"))
}

// like requires no login, but the provider does not allow anonymous likes: Track returns
// an error.
func like(c echo.Context) error {
	event := audit.Event{Action: "article.like", Actor: audit.Anonymous(), Target: audit.Target{Type: "article", ID: c.Param("id")}}
	if err := tracker.Track(c.Request().Context(), event); err != nil {
		return echo.NewHTTPError(http.StatusForbidden).SetInternal(err)
	}
	return c.NoContent(http.StatusNoContent)
}
