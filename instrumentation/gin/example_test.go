package auditgin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

// printer is an exporter that prints each record.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Printf("%s %s by %s %s on %s %s at %s\n", r.Action, r.Outcome, r.Actor.Type, r.Actor.ID, r.Target.Type, r.Target.ID,
			metadata(r, semconv.HTTPRouteKey))
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

func Example() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	e := gin.New()
	e.Use(gin.Recovery(), auditgin.Middleware(
		auditgin.WithActor(byUser),
		auditgin.WithChannel(semconv.ChannelAPI),
		auditgin.WithDenials(tracker),
	))
	articles := e.Group("/articles/:slug")
	articles.POST("/publish",
		auditgin.Intent(tracker, audit.Event{Action: "article.publish"}, auditgin.TargetParam("article", "slug")),
		func(c *gin.Context) { c.Status(http.StatusNoContent) })
	articles.DELETE("", func(c *gin.Context) { c.AbortWithStatus(http.StatusForbidden) })

	for _, request := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/articles/hello/publish", nil),
		httptest.NewRequest(http.MethodDelete, "/articles/hello", nil),
	} {
		request.Header.Set("User", "alice")
		e.ServeHTTP(httptest.NewRecorder(), request)
	}
	// Output:
	// article.publish success by user alice on article hello at /articles/:slug/publish
	// access.denied denied by user alice on route /articles/:slug at /articles/:slug
}
