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
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v5"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/seal"
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

	// The seal shows whether the ledger was altered since. A real service has its key in a
	// secret and its anchor on another machine: see docs/seal-keys.md.
	key, err := seal.LoadOrCreateKey(dir+".key", "example.com/quickstart")
	if err != nil {
		return err
	}

	// Where the trail goes is decided here, once. Track returns when the record is on
	// disk. The exporter reads the ledger and, after a crash, resumes where it stopped. What is
	// not recorded is counted, and "deed gaps" says how much that is.
	provider, err := sdk.NewTrackerProvider(
		sdk.WithLedger(dir, sdk.ExportTo(exporter)),
		sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(dir+".checkpoint"))),
		sdk.WithGapRecords(time.Minute),
	)
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
	server := echo.StartConfig{
		Address:    "127.0.0.1:" + os.Getenv("PORT"),
		HideBanner: true, HidePort: true,
		GracefulTimeout: shutdownTimeout,
	}
	return server.Start(ctx, newServer())
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
	e := echo.NewWithConfig(echo.Config{Logger: slog.Default()}) // stdout is for the trail
	key := []byte(rand.Text())
	// The middleware supplies the context of every event: who, from where, in which
	// request. WithDenials records a request that was denied and recorded no event, and
	// WithCoverage one that changed something and recorded none. It also counts the requests,
	// so "deed gaps" can say whether each left the trace that it should.
	e.Use(middleware.Recover(), middleware.RequestID(), auditecho.Middleware(
		auditecho.WithActor(actorOf),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),
		auditecho.WithCoverage(tracker, nil),
	))
	e.POST("/login", login(key))
	e.POST("/articles/:id/like", like)

	// The route says what is done, and the handler completes it. The outcome follows from
	// the response status. An intent covers the signal that the store raises for the same
	// article, so only the intent is recorded.
	g := e.Group("/articles", echojwt.WithConfig(echojwt.Config{SigningKey: key}))
	article := auditecho.TargetParam("article", "id")
	g.POST("", create, auditecho.Intent(tracker, audit.Event{Action: "article.create", Operation: audit.OperationCreate}))
	g.PATCH("/:id", update, auditecho.Intent(tracker, audit.Event{Action: "article.update", Operation: audit.OperationUpdate},
		article, auditecho.ReasonFrom(auditecho.Form("reason"))))
	g.POST("/:id/publish", publish, auditecho.Intent(tracker, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Reason: "editorial approval",
	}, article))
	g.DELETE("/:id", remove) // it has no intent, so the store's signal is recorded instead
	return e
}

// actorOf returns the user of a request. The first event that needs the actor calls it.
func actorOf(c *echo.Context) (audit.Actor, error) {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return audit.Actor{}, nil // not signed in
	}
	id, err := token.Claims.GetSubject()
	return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "jwt"}, err
}

func login(key []byte) echo.HandlerFunc {
	return func(c *echo.Context) error {
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

func create(c *echo.Context) error {
	ctx := c.Request().Context()
	a, err := articles.create(ctx, c.FormValue("title"), c.FormValue("body"))
	if err != nil {
		return err
	}
	audit.SetTarget(ctx, a.target())
	audit.SetChanges(ctx, nil, &a)
	return c.String(http.StatusCreated, a.ID)
}

func update(c *echo.Context) error {
	ctx := c.Request().Context()
	before, after, err := articles.update(ctx, c.Param("id"), c.FormValue("title"), c.FormValue("body"))
	if err != nil {
		return err
	}
	audit.SetChanges(ctx, before, after)
	return c.NoContent(http.StatusNoContent)
}

func publish(c *echo.Context) error {
	if err := articles.publish(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func remove(c *echo.Context) error {
	if err := articles.remove(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// like requires no login, but the provider does not allow anonymous likes: Track returns
// an error.
func like(c *echo.Context) error {
	event := audit.Event{Action: "article.like", Actor: audit.Anonymous(), Target: audit.Target{Type: "article", ID: c.Param("id")}}
	if err := tracker.Track(c.Request().Context(), event); err != nil {
		return echo.ErrForbidden.Wrap(err)
	}
	return c.NoContent(http.StatusNoContent)
}
