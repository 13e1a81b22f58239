package auditgrpc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Members of the expected records.
const (
	alice     = `"actor":{"id":"alice","type":"user"},`
	anonymous = `"actor":{"type":"anonymous"},`
	intent    = `"action":"article.publish","kind":"intent","operation":"update",`
	denied    = `"action":"access.denied","kind":"intent","outcome":"denied",`
	byMethod  = `"target":{"id":"/articles.v1.Articles/Publish","type":"route"},`
	hello     = `"target":{"id":"hello","type":"article"},`
)

// of returns the metadata of a call of a method. It has no status if that is empty.
func of(method, status string) string {
	if status != "" {
		status = `"rpc.response.status_code":"` + status + `",`
	}
	return `"metadata":{"client.address":"127.0.0.1","network.peer.address":"127.0.0.1","rpc.method":"articles.v1.Articles/` + method + `",` +
		status + `"rpc.system.name":"grpc","user_agent.original":"test/1.0 grpc-go/` + grpc.Version + `"}`
}

// TestServices calls each service and compares whole records and the status.
func TestServices(t *testing.T) {
	t.Parallel()
	notFound := status.Error(codes.NotFound, "no such article")
	mapErrors := func(code codes.Code) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			resp, err := handler(ctx, req)
			if err != nil && code == codes.OK {
				return wrapperspb.String("sorry"), nil
			}
			if err != nil {
				err = status.Error(code, "mapped")
			}
			return resp, err
		}
	}
	targeted := func(tracker audit.Tracker) auditgrpc.Intents {
		return auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent, auditgrpc.TargetFrom("article", slugOf))}
	}
	crash := &service{publish: func(context.Context, *text) (*text, error) { panic("no") }}

	for _, tt := range []struct {
		name    string
		service *service
		options func(tracker audit.Tracker, audits audits) []grpc.ServerOption
		want    []string
		code    codes.Code
		errs    int
	}{
		{"an intent", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(byUser), auditgrpc.WithChannel("api"), auditgrpc.WithTenant("acme"))
			return interceptors(i, targeted(tracker))
		}, []string{`{` + alice + intent + `"channel":"api","tenant":"acme","outcome":"success",` + hello + of("Publish", "OK") + `}`}, codes.OK, 0},
		{"a failure", reply(notFound), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker))
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "NOT_FOUND") + `}`}, codes.NotFound, 0},
		{"an error that is no status", reply(errors.New("secret")), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker))
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "UNKNOWN") + `}`}, codes.Unknown, 0},
		{"an error that another interceptor maps", reply(errors.New("not yours")), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(byUser), auditgrpc.WithDenials(tracker))
			return interceptors(i, targeted(tracker), mapErrors(codes.PermissionDenied))
		}, []string{`{` + alice + intent + `"outcome":"denied",` + hello + of("Publish", "PERMISSION_DENIED") + `}`}, codes.PermissionDenied, 0},
		{"an error that another interceptor hides", reply(notFound), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker), mapErrors(codes.OK))
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "OK") + `}`}, codes.OK, 0},
		{"a call that another interceptor repeats", &service{publish: failOnce()}, func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			again := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				if resp, err := handler(ctx, req); err == nil {
					return resp, nil
				}
				return handler(ctx, req)
			}
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker), again)
		}, []string{
			`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "OK") + `}`,
			`{` + alice + intent + `"outcome":"success",` + hello + of("Publish", "OK") + `}`,
		}, codes.OK, 0},
		{"a panic that another interceptor recovers", crash, func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker), recoverPanics)
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "INTERNAL") + `}`}, codes.Internal, 0},
		{"a panic that is recovered outside", crash, func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(byUser), auditgrpc.WithCoverage(tracker, nil))
			return []grpc.ServerOption{grpc.ChainUnaryInterceptor(recoverPanics, i.Unary, targeted(tracker).Unary)}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "") + `}`}, codes.Internal, 0},
		{"an intent without the interceptor", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			setActor := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return handler(audit.ContextWithActor(ctx, audit.User("alice")), req)
			}
			return []grpc.ServerOption{grpc.ChainUnaryInterceptor(setActor, targeted(tracker).Unary)}
		}, []string{`{` + alice + intent + `"outcome":"success",` + hello + of("Publish", "OK") + `}`}, codes.OK, 0},
		{"a user in the context that authentication made", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			type userKey struct{}
			authenticate := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return handler(context.WithValue(ctx, userKey{}, "alice"), req)
			}
			i := audits(auditgrpc.WithActor(func(ctx context.Context) (audit.Actor, error) {
				id, _ := ctx.Value(userKey{}).(string)
				return audit.User(id), nil
			}))
			return interceptors(i, targeted(tracker), authenticate)
		}, []string{`{` + alice + intent + `"outcome":"success",` + hello + of("Publish", "OK") + `}`}, codes.OK, 0},
		{"a denial by authentication", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, errors.New("no token") }),
				auditgrpc.WithDenials(tracker))
			return interceptors(i, targeted(tracker), func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
				return nil, status.Error(codes.Unauthenticated, "who are you?")
			})
		}, []string{`{` + anonymous + denied + byMethod + of("Publish", "UNAUTHENTICATED") + `}`}, codes.Unauthenticated, 0},
		{"a denial by the handler", reply(status.Error(codes.PermissionDenied, "no")), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser), auditgrpc.WithDenials(tracker)), nil)
		}, []string{`{` + alice + denied + byMethod + of("Publish", "PERMISSION_DENIED") + `}`}, codes.PermissionDenied, 0},
		{"a denial by the handler of a user in the context", reply(status.Error(codes.PermissionDenied, "no")), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			type userKey struct{}
			authenticate := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return handler(context.WithValue(ctx, userKey{}, audit.User("alice")), req)
			}
			i := audits(auditgrpc.WithDenials(tracker), auditgrpc.WithActor(func(ctx context.Context) (audit.Actor, error) {
				user, _ := ctx.Value(userKey{}).(audit.Actor)
				return user, nil
			}))
			return interceptors(i, nil, authenticate)
		}, []string{`{` + alice + denied + byMethod + of("Publish", "PERMISSION_DENIED") + `}`}, codes.PermissionDenied, 0},
		{"a denial whose actor cannot be found", reply(status.Error(codes.PermissionDenied, "no")), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, errors.New("no database") }),
				auditgrpc.WithDenials(tracker))
			return interceptors(i, nil)
		}, []string{`{` + anonymous + denied + `"reason":"the actor could not be resolved",` + byMethod + of("Publish", "PERMISSION_DENIED") + `}`}, codes.PermissionDenied, 1},
		{"a missing event", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser), auditgrpc.WithCoverage(tracker, nil)), nil)
		}, []string{`{` + alice + `"action":"audit.coverage.missing","kind":"signal","outcome":"success",` + byMethod + of("Publish", "OK") + `}`}, codes.OK, 1},
		{"no actor", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(), targeted(tracker))
		}, nil, codes.OK, 1},
		{"a handler that tracks the same action itself", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			intents := targeted(tracker)
			innermost := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				e := publishEvent
				e.Target = audit.Target{Type: "article", ID: "hello"}
				assert.NoError(t, tracker.Track(ctx, e))
				return handler(ctx, req)
			}
			return []grpc.ServerOption{grpc.ChainUnaryInterceptor(audits(auditgrpc.WithActor(byUser)).Unary, intents.Unary, innermost)}
		}, []string{`{` + alice + intent + `"outcome":"unknown",` + hello + of("Publish", "") + `}`}, codes.OK, 0},
		{"metadata of the application", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithActor(byUser), auditgrpc.WithMetadata(func(context.Context) []attribute.KeyValue {
				return []attribute.KeyValue{attribute.String("http.request.id", "ours")}
			}))
			return interceptors(i, targeted(tracker))
		}, []string{`{` + alice + intent + `"outcome":"success",` + hello +
			of("Publish", "OK")[:len(`"metadata":{"client.address":"127.0.0.1",`)] + `"http.request.id":"ours",` + of("Publish", "OK")[len(`"metadata":{"client.address":"127.0.0.1",`):] + `}`}, codes.OK, 0},
		{"a handler that completes the event", &service{publish: func(ctx context.Context, m *text) (*text, error) {
			audit.SetReason(ctx, "approved")
			audit.SetTarget(ctx, audit.Target{Type: "article", ID: "1"})
			return m, nil
		}}, func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			return interceptors(audits(auditgrpc.WithActor(byUser)), targeted(tracker))
		}, []string{`{` + alice + intent + `"outcome":"success","reason":"approved","target":{"id":"1","type":"article"},` + of("Publish", "OK") + `}`}, codes.OK, 0},
		{"an intent without a target", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)}
			return interceptors(audits(auditgrpc.WithActor(byUser), auditgrpc.WithTargetCheck()), intents)
		}, []string{`{` + alice + intent + `"outcome":"success",` + of("Publish", "OK") + `}`}, codes.OK, 1},
		{"a filter", reply(nil), func(tracker audit.Tracker, audits audits) []grpc.ServerOption {
			i := audits(auditgrpc.WithCoverage(tracker, nil), auditgrpc.WithFilter(func(_ context.Context, method string) bool {
				return method != publishMethod
			}))
			return interceptors(i, nil)
		}, nil, codes.OK, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			log := &frameworktest.Errors{}
			c := serve(t, tt.service, tt.options(tracker, func(opts ...auditgrpc.Option) *auditgrpc.Interceptor {
				return auditgrpc.NewInterceptor(append(opts, auditgrpc.WithErrorHandler(log.Handle))...)
			})...)
			_, err := c.publish(as(t, "alice"), "hello")
			assert.Equal(t, tt.code, status.Code(err))
			c.stop()
			records.RequireRecords(t, tt.want...)
			assert.Len(t, log.All(), tt.errs)
		})
	}
}

// audits returns the interceptor of a service.
type audits func(opts ...auditgrpc.Option) *auditgrpc.Interceptor

// failOnce returns a handler that fails at its first call.
func failOnce() func(context.Context, *text) (*text, error) {
	calls := 0
	return func(_ context.Context, m *text) (*text, error) {
		if calls++; calls == 1 {
			return nil, status.Error(codes.Aborted, "conflict")
		}
		return m, nil
	}
}
