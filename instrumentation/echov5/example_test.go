package auditecho_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	echojwt "github.com/labstack/echo-jwt/v5"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

// printer is an exporter that prints each record.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Printf("%s %s by %s %s on %s %s\n", r.Action, r.Outcome, r.Actor.Type, r.Actor.ID, r.Target.Type, r.Target.ID)
		for _, kv := range r.Metadata {
			switch kv.Key {
			case semconv.HTTPRouteKey, semconv.URLPathKey, semconv.HTTPResponseStatusCodeKey:
				fmt.Printf("  %s = %s\n", kv.Key, kv.Value.String())
			}
		}
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// currentUser returns the user whom the JWT middleware authenticated.
func currentUser(c *echo.Context) (audit.Actor, error) { return byToken(c) }

func Example() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")
	publish := func(c *echo.Context) error {
		audit.SetTarget(c.Request().Context(), audit.Target{Type: "article", ID: c.Param("id")})
		return c.NoContent(http.StatusNoContent)
	}

	e := echo.New()
	e.Use(middleware.Recover(), middleware.RequestID())
	e.Use(auditecho.Middleware(
		auditecho.WithActor(currentUser),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),
	))
	e.Use(echojwt.JWT(jwtKey))
	e.POST("/articles/:id/publish", publish,
		auditecho.Intent(tracker, audit.Event{Action: "article.publish"}))

	request := httptest.NewRequest(http.MethodPost, "/articles/1001/publish", nil)
	request.Header.Set("Authorization", bearer("alice"))
	e.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.publish success by user alice on article 1001
	//   http.response.status_code = 204
	//   http.route = /articles/:id/publish
	//   url.path = /articles/1001/publish
}

func ExampleMiddleware() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	e := echo.New()
	e.Use(auditecho.Middleware(
		auditecho.WithActor(func(c *echo.Context) (audit.Actor, error) {
			user, ok := c.Get("user").(string) // set by authentication, which runs later
			if !ok {
				return audit.Actor{}, nil // no actor: Track returns audit.ErrNoActor
			}
			return audit.User(user), nil
		}),
		auditecho.WithChannel(semconv.ChannelAPI),
		auditecho.WithDenials(tracker),
	))
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc { // an authentication
		return func(c *echo.Context) error {
			user, _, ok := c.Request().BasicAuth()
			if !ok {
				return echo.ErrUnauthorized
			}
			c.Set("user", user)
			return next(c)
		}
	})
	e.DELETE("/articles/:id", func(c *echo.Context) error {
		err := tracker.Track(c.Request().Context(), audit.Event{
			Action:  "article.delete",
			Target:  audit.Target{Type: "article", ID: c.Param("id")},
			Outcome: audit.OutcomeSuccess,
		})
		if err != nil { // nothing is deleted without a record
			return err
		}
		return c.NoContent(http.StatusNoContent)
	})

	request := httptest.NewRequest(http.MethodDelete, "/articles/1001", nil)
	e.ServeHTTP(httptest.NewRecorder(), request)
	request.SetBasicAuth("alice", "secret")
	e.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// access.denied denied by anonymous  on route /articles/:id
	//   http.response.status_code = 401
	//   http.route = /articles/:id
	//   url.path = /articles/1001
	// article.delete success by user alice on article 1001
	//   http.route = /articles/:id
	//   url.path = /articles/1001
}

func ExampleIntent() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	e := echo.New()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.POST("/articles/:id/publish", func(c *echo.Context) error {
		audit.SetTarget(c.Request().Context(), audit.Target{Type: "article", ID: c.Param("id")})
		return errors.New("the printer is on fire")
	}, auditecho.Intent(tracker, audit.Event{Action: "article.publish"}))

	request := httptest.NewRequest(http.MethodPost, "/articles/1001/publish", nil)
	request.Header.Set("User", "alice")
	e.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.publish failure by user alice on article 1001
	//   http.response.status_code = 500
	//   http.route = /articles/:id/publish
	//   url.path = /articles/1001/publish
}

func ExampleIntentFunc() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	e := echo.New()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.PUT("/articles/:id", func(c *echo.Context) error {
		return c.NoContent(http.StatusCreated)
	}, auditecho.IntentFunc(tracker, func(c *echo.Context, status int) audit.Event {
		e := audit.Event{Action: "article.update", Target: audit.Target{Type: "article", ID: c.Param("id")}}
		if status == http.StatusCreated {
			e.Action = "article.create"
		}
		return e
	}))

	request := httptest.NewRequest(http.MethodPut, "/articles/1001", nil)
	request.Header.Set("User", "alice")
	e.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.create success by user alice on article 1001
	//   http.response.status_code = 201
	//   http.route = /articles/:id
	//   url.path = /articles/1001
}
