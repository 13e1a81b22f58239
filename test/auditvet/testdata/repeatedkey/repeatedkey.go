// Package repeatedkey repeats keys.
package repeatedkey

import (
	"context"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

const ticket = "ticket"

func wrong(ctx context.Context, tracker audit.Tracker) audit.Event {
	audit.AddMetadata(ctx, attribute.String(ticket, "T-1"), attribute.Int("count", 1), attribute.Int("ticket", 2)) // want `the metadata key "ticket" is repeated: the record keeps the last value only`
	_ = audit.WithScopeMetadata(semconv.RequestIDKey.String("1"), attribute.String("http.request.id", "2"))        // want `the metadata key "http.request.id" is repeated`
	auditecho.Intent(tracker, audit.Event{Action: "article.update"},
		auditecho.MetadataFrom(ticket, auditecho.Header("Ticket")),
		auditecho.MetadataFrom("ticket", auditecho.Form("ticket"))) // want `the metadata key "ticket" is repeated`
	return audit.Event{Metadata: []attribute.KeyValue{
		attribute.Key(ticket).String("T-1"),
		attribute.String("ticket", "T-2"), // want `the metadata key "ticket" is repeated`
	}}
}

func right(ctx context.Context, c echo.Context, key string) audit.Event {
	audit.AddMetadata(ctx, attribute.String("ticket", "T-1"), attribute.String("comment", "T-1"))
	audit.AddMetadata(ctx, attribute.String("ticket", "T-1"))
	audit.AddMetadata(ctx, attribute.String(key, "a"), attribute.String(key, "b")) // the key may have changed
	_ = []attribute.KeyValue{attribute.String("of", "a span"), attribute.String("of", "a span")}
	return audit.Event{Metadata: []attribute.KeyValue{attribute.String("ticket", "T-1"), attribute.String("ticket.url", "T-2")}}
}
