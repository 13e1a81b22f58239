package auditgrpc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// withRules returns the option of a provider that requires a target, a reason and a ticket of
// articles.
func withRules(t *testing.T) sdk.Option {
	t.Helper()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket", "target"}})
	require.NoError(t, err)
	return sdk.WithPolicy(rules)
}

// supplied returns an intent whose fields come from the message and the metadata.
func supplied(tracker audit.Tracker) *auditgrpc.MethodIntent {
	return auditgrpc.Intent(tracker, publishEvent,
		auditgrpc.TargetFrom("article", slugOf),
		auditgrpc.ReasonFrom(auditgrpc.Metadata("why")),
		auditgrpc.MetadataFrom("ticket", auditgrpc.Metadata("ticket")))
}

// What a call supplies is checked before its handler runs.
func TestSupply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		why    string
		mapped bool // by an interceptor of the application
		code   codes.Code
		text   string
		action string
	}{
		{"all there", "spam", false, codes.OK, "", "article.publish"},
		{"a blank reason", "  ", false, codes.FailedPrecondition, "missing or empty: reason", semconv.ActionRejected},
		{"an application's answer", "", true, codes.InvalidArgument, "say reason", semconv.ActionRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t, withRules(t))
			ran := 0
			service := &service{publish: func(ctx context.Context, m *text) (*text, error) {
				ran++
				assert.NoError(t, audit.Ready(ctx))
				return m, nil
			}}
			answer := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				resp, err := handler(ctx, req)
				if unmet, ok := errors.AsType[*audit.UnmetError](err); ok && tt.mapped {
					return nil, status.Error(codes.InvalidArgument, "say "+unmet.Fields[0])
				}
				return resp, err
			}
			audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithCoverage(tracker, nil))
			c := serve(t, service, interceptors(audits, auditgrpc.Intents{publishMethod: supplied(tracker)}, answer)...)
			_, err := c.publish(as(t, "alice", "why", tt.why, "ticket", "T-1"), "hello")
			assert.Equal(t, tt.code, status.Code(err))
			assert.Equal(t, tt.text, status.Convert(err).Message())
			c.stop()
			all := records.All()
			require.Len(t, all, 1)
			assert.Equal(t, tt.action, all[0].Action)
			assert.Equal(t, audit.User("alice"), all[0].Actor)
			assert.Equal(t, audit.Target{Type: "article", ID: "hello"}, all[0].Target)
			assert.Contains(t, all[0].Metadata, attribute.String("ticket", "T-1"))
			assert.Equal(t, tt.code == codes.OK, ran == 1)
		})
	}
}

// What the first message of a stream supplies is checked before the handler gets it.
func TestSupplyOfStreams(t *testing.T) {
	t.Parallel()
	for method, messages := range map[string][]string{watchMethod: {"hello"}, uploadMethod: {"hello", "two"}, editMethod: {"hello", "two"}} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t, withRules(t))
			got := 0
			receive := func(receive func() (*text, error)) error {
				for {
					if _, err := receive(); err != nil {
						_, again := receive()
						assert.Equal(t, err, again)
						return err
					}
					got++
				}
			}
			service := &service{
				watch: func(*text, grpc.ServerStreamingServer[text]) error {
					got++
					return nil
				},
				upload: func(s grpc.ClientStreamingServer[text, text]) error { return receive(s.Recv) },
				edit:   func(s grpc.BidiStreamingServer[text, text]) error { return receive(s.Recv) },
			}
			c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), auditgrpc.Intents{method: supplied(tracker)})...)
			_, err := c.stream(as(t, "alice", "ticket", "T-1"), method, messages...)
			assert.Equal(t, codes.FailedPrecondition, status.Code(err))
			c.stop()
			assert.Zero(t, got, "a message reached the handler")
			all := records.All()
			require.Len(t, all, 1)
			assert.Equal(t, semconv.ActionRejected, all[0].Action)
		})
	}
}

// An option for another message is a mistake that the error handler hears of. The event is
// recorded without the field.
func TestSupplyOfAnotherMessage(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	log := &frameworktest.Errors{}
	intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent,
		auditgrpc.TargetFrom("article", func(n *int) string { return "never" }))}
	audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler(log.Handle))
	c := serve(t, reply(nil), interceptors(audits, intents)...)
	_, err := c.publish(as(t, "alice"), "hello")
	require.NoError(t, err)
	c.stop()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+of("Publish", "OK")+`}`)
	require.Len(t, log.All(), 1)
	assert.EqualError(t, log.All()[0], "audit: /articles.v1.Articles/Publish gets a *wrapperspb.StringValue; an option of its intent takes a *int")
}
