package auditgrpc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestStatuses checks the name and the outcome of each code.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]struct {
		name    string
		outcome audit.Outcome
	}{
		codes.OK:                 {"OK", audit.OutcomeSuccess},
		codes.Canceled:           {"CANCELLED", audit.OutcomeFailure}, //nolint:misspell // gRPC's spelling
		codes.Unknown:            {"UNKNOWN", audit.OutcomeFailure},
		codes.InvalidArgument:    {"INVALID_ARGUMENT", audit.OutcomeFailure},
		codes.DeadlineExceeded:   {"DEADLINE_EXCEEDED", audit.OutcomeFailure},
		codes.NotFound:           {"NOT_FOUND", audit.OutcomeFailure},
		codes.AlreadyExists:      {"ALREADY_EXISTS", audit.OutcomeFailure},
		codes.PermissionDenied:   {"PERMISSION_DENIED", audit.OutcomeDenied},
		codes.ResourceExhausted:  {"RESOURCE_EXHAUSTED", audit.OutcomeFailure},
		codes.FailedPrecondition: {"FAILED_PRECONDITION", audit.OutcomeFailure},
		codes.Aborted:            {"ABORTED", audit.OutcomeFailure},
		codes.OutOfRange:         {"OUT_OF_RANGE", audit.OutcomeFailure},
		codes.Unimplemented:      {"UNIMPLEMENTED", audit.OutcomeFailure},
		codes.Internal:           {"INTERNAL", audit.OutcomeFailure},
		codes.Unavailable:        {"UNAVAILABLE", audit.OutcomeFailure},
		codes.DataLoss:           {"DATA_LOSS", audit.OutcomeFailure},
		codes.Unauthenticated:    {"UNAUTHENTICATED", audit.OutcomeDenied},
		17:                       {"17", audit.OutcomeFailure},
	} {
		t.Run(want.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			service := reply(status.Error(code, "so it is"))
			service.watch = func(*text, grpc.ServerStreamingServer[text]) error { return status.Error(code, "so it is") }
			intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent), watchMethod: auditgrpc.Intent(tracker, publishEvent)}
			c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), intents)...)
			_, err := c.publish(as(t, "alice"), "hello")
			assert.Equal(t, code, status.Code(err))
			_, err = c.stream(as(t, "alice"), watchMethod, "hello")
			assert.Equal(t, code, status.Code(err))
			c.stop()
			records.RequireRecords(t,
				fmt.Sprintf(`{%s%s"outcome":%q,%s}`, alice, intent, want.outcome, of("Publish", want.name)),
				fmt.Sprintf(`{%s%s"outcome":%q,%s}`, alice, intent, want.outcome, of("Watch", want.name)))
		})
	}
}

// Errors of a context have the status that gRPC sends for them.
func TestContextErrors(t *testing.T) {
	t.Parallel()
	for err, name := range map[error]string{
		context.Canceled:         "CANCELLED", //nolint:misspell // gRPC's spelling
		context.DeadlineExceeded: "DEADLINE_EXCEEDED",

		fmt.Errorf("store: %w", context.DeadlineExceeded):             "DEADLINE_EXCEEDED",
		fmt.Errorf("store: %w", status.Error(codes.NotFound, "gone")): "NOT_FOUND",
	} {
		tracker, records := frameworktest.NewTracker(t)
		intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)}
		c := serve(t, reply(err), interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), intents)...)
		_, got := c.publish(as(t, "alice"), "hello")
		var code codes.Code
		require.NoError(t, code.UnmarshalJSON([]byte(`"`+name+`"`)))
		assert.Equal(t, code, status.Code(got))
		c.stop()
		records.RequireRecords(t, `{`+alice+intent+`"outcome":"failure",`+of("Publish", name)+`}`)
	}
}

// TestClientHangsUp cancels a call while its handler runs. Nobody is sent a status.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		result  func(context.Context) error
		outcome string
	}{
		{"a handler that gives up", context.Context.Err, "failure"},
		{"a handler that completes", func(context.Context) error { return nil }, "success"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			ctx, hangUp := context.WithCancel(as(t, "alice"))
			service := &service{publish: func(ctx context.Context, m *text) (*text, error) {
				hangUp()
				<-ctx.Done()
				assert.NoError(t, tracker.Track(ctx, audit.Event{Action: "article.read", Kind: audit.KindSignal}))
				return m, tt.result(ctx)
			}}
			intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)}
			c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), intents)...)
			_, err := c.publish(ctx, "hello")
			assert.Equal(t, codes.Canceled, status.Code(err))
			c.stop()
			records.RequireRecords(t,
				`{`+alice+intent+`"outcome":"`+tt.outcome+`",`+of("Publish", "")+`}`,
				`{`+alice+`"action":"article.read","kind":"signal","outcome":"unknown",`+of("Publish", "")+`}`)
		})
	}
}

// An interceptor that answers without waiting for the handler. The record has the handler's
// outcome, whose status nobody was sent.
func TestAbandonedHandler(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	entered, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	abandon := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		go func() {
			defer close(done)
			_, _ = handler(ctx, req)
		}()
		<-entered
		return nil, status.Error(codes.DeadlineExceeded, "too slow")
	}
	service := &service{publish: func(_ context.Context, m *text) (*text, error) {
		close(entered)
		<-release
		return m, nil
	}}
	intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)}
	c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), intents, abandon)...)
	_, err := c.publish(as(t, "alice"), "hello")
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	close(release)
	<-done
	c.stop()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+of("Publish", "")+`}`)
}
