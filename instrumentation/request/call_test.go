package request_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var errDenied = errors.New("denied")

// statusOf returns the status of a call's result.
func statusOf(err error) request.Status {
	switch {
	case err == nil:
		return request.RPCStatus(0)
	case errors.Is(err, errDenied):
		return request.RPCStatus(7)
	}
	return request.RPCStatus(2)
}

func TestRPCStatus(t *testing.T) {
	t.Parallel()
	for code, name := range []string{
		"OK", "CANCELLED", //nolint:misspell // gRPC's spelling
		"UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED", "17",
	} {
		want := request.Status{Key: semconv.RPCResponseStatusCodeKey, Code: code, Name: name, Outcome: audit.OutcomeFailure}
		switch name {
		case "OK":
			want.Outcome = audit.OutcomeSuccess
		case "PERMISSION_DENIED":
			want.Outcome = audit.OutcomeDenied
		case "UNAUTHENTICATED":
			want.Outcome, want.Unauthenticated = audit.OutcomeDenied, true
		}
		assert.Equal(t, want, request.RPCStatus(uint32(code)))
	}
}

// An inner call is finished when the outer one has ended, with the status of that.
func TestServeCallInsideAnother(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	config := &request.Config{Denials: tracker}
	d := request.Description{System: "grpc", Route: "/shop.Articles/Publish", Actor: func(context.Context) (audit.Actor, error) { return audit.User("alice"), nil }}
	outer, inner := &request.Call{Status: statusOf}, &request.Call{Status: statusOf, Intent: request.NewMethodIntent(tracker, audit.Event{Action: "article.publish"})}
	err := config.Open(t.Context(), &d).ServeCall(outer, func(ctx context.Context) error {
		err := (&request.Config{}).Open(ctx, &request.Description{System: "grpc", Route: "/shop.Articles/Publish"}).ServeCall(inner, func(ctx context.Context) error {
			assert.NoError(t, inner.Received("a message"))
			return errors.New("not yours")
		})
		assert.EqualError(t, err, "not yours")
		recorder.RequireNoRecord(t)
		return errDenied
	})
	require.ErrorIs(t, err, errDenied)
	r := recorder.RequireRecord(t, audittest.Action("article.publish"), audittest.Outcome(audit.OutcomeDenied), audittest.Actor(audit.User("alice")))
	assert.Equal(t, []attribute.KeyValue{
		semconv.RPCMethodKey.String("shop.Articles/Publish"), semconv.RPCResponseStatusCodeKey.String("PERMISSION_DENIED"), semconv.RPCSystemNameKey.String("grpc"),
	}, r.Metadata)
}

// A call inside the middleware of an HTTP server adds what that does not know, and has a status
// of its own.
func TestServeCallInsideHTTP(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	config := &request.Config{Denials: tracker}
	r := httptest.NewRequest(http.MethodPost, "/shop.Articles/Publish", nil)
	r.Pattern = "/shop.Articles/"
	w := httptest.NewRecorder()
	d := request.DescribeHTTP(w, r, "")
	err := config.Open(r.Context(), &d).Serve(&request.HTTP{Request: r, Writer: w, Handler: func(w http.ResponseWriter, r *http.Request) error {
		x := config.Open(r.Context(), &request.Description{System: "connectrpc", Route: "/shop.Articles/Publish"})
		err := x.ServeCall(&request.Call{Status: statusOf}, func(context.Context) error { return errDenied })
		w.WriteHeader(http.StatusForbidden)
		assert.ErrorIs(t, err, errDenied)
		return nil
	}})
	require.NoError(t, err)
	recorded := recorder.RequireRecord(t)
	assert.Equal(t, audit.Target{Type: "route", ID: "/shop.Articles/Publish"}, recorded.Target)
	for _, kv := range []attribute.KeyValue{
		semconv.HTTPRouteKey.String("/shop.Articles/"), semconv.RPCSystemNameKey.String("connectrpc"),
		semconv.RPCMethodKey.String("shop.Articles/Publish"), semconv.RPCResponseStatusCodeKey.String("PERMISSION_DENIED"),
	} {
		assert.Contains(t, recorded.Metadata, kv)
	}
}

// A panic of an application's function loses none of the other records.
func TestServeCallWhosePanicContinues(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	intent := request.NewMethodIntent(recorder.Tracker("test"), audit.Event{Action: "article.publish"},
		request.TargetFrom("article", func(string) string { panic("no") }))
	d := request.Description{System: "grpc", Route: "/shop.Articles/Publish", Actor: func(context.Context) (audit.Actor, error) { return audit.User("alice"), nil }}
	x := (&request.Config{}).Open(t.Context(), &d)
	c := &request.Call{Status: statusOf, Intent: intent}
	assert.PanicsWithValue(t, "no", func() {
		_ = x.ServeCall(c, func(context.Context) error { return c.Received("a message") })
	})
	recorder.RequireRecord(t, audittest.Action("article.publish"), audittest.Outcome(audit.OutcomeFailure))
}

func TestCoverageErrorOfCall(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &request.CoverageError{Route: "/shop.Articles/Publish"},
		"audit: /shop.Articles/Publish succeeded but recorded no event; track an intent, or exempt the route with a policy rule")
}

// The route of a call is its method, also if that of the HTTP request outside has the same text.
func TestServeCallOnARouteOfItsOwn(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	config := &request.Config{Denials: recorder.Tracker("test")}
	x := config.Open(t.Context(), &request.Description{Method: http.MethodPost, Route: "/shop.Articles/Publish"})
	defer x.End()
	err := config.Open(x.Context(), &request.Description{System: "connectrpc", Route: "/shop.Articles/Publish"}).
		ServeCall(&request.Call{Status: statusOf}, func(context.Context) error { return errDenied })
	require.ErrorIs(t, err, errDenied)
	recorder.RequireRecord(t, audittest.Metadata(semconv.RPCMethodKey.String("shop.Articles/Publish")))
}
