package auditconnect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
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
	begun     = `"attempt":"its own","outcome":"unknown",`
	ended     = `"attempt":"the first",`
)

// of returns the metadata of a call of a procedure. It has no status if that is empty.
func of(procedure, status string) string {
	if status != "" {
		status = `"rpc.response.status_code":"` + status + `",`
	}
	return `"metadata":{"client.address":"127.0.0.1","network.peer.address":"127.0.0.1","rpc.method":"articles.v1.Articles/` + procedure + `",` +
		status + `"rpc.system.name":"connectrpc","user_agent.original":"test/1.0"}`
}

// interceptorFunc is an interceptor of unary calls.
func interceptorFunc(f func(ctx context.Context, req connect.AnyRequest, next connect.UnaryFunc) (connect.AnyResponse, error)) connect.Interceptor {
	return connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			return f(ctx, req, next)
		}
	})
}

// TestServices calls each service and compares whole records and the status.
func TestServices(t *testing.T) {
	t.Parallel()
	notFound := connect.NewError(connect.CodeNotFound, errors.New("no such article"))
	mapErrors := func(err error) connect.Interceptor {
		return interceptorFunc(func(ctx context.Context, req connect.AnyRequest, next connect.UnaryFunc) (connect.AnyResponse, error) {
			resp, callErr := next(ctx, req)
			switch {
			case callErr == nil:
				return resp, nil
			case err != nil:
				return nil, err
			}
			return connect.NewResponse(wrapperspb.String("sorry")), nil
		})
	}
	crash := reply(nil)
	crash.publish = func(context.Context, *connect.Request[text]) (*connect.Response[text], error) { panic("no") }
	recovered := connect.WithRecover(func(context.Context, connect.Spec, http.Header, any) error {
		return connect.NewError(connect.CodeInternal, errors.New("recovered"))
	})
	completes := reply(nil)
	completes.publish = func(ctx context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
		audit.SetReason(ctx, "approved")
		audit.SetTarget(ctx, audit.Target{Type: "article", ID: "1"})
		return connect.NewResponse(req.Msg), nil
	}
	type audits func(opts ...auditconnect.Option) *auditconnect.Interceptor

	for _, tt := range []struct {
		name    string
		service *service
		options func(tracker audit.Tracker, audits audits) []connect.HandlerOption
		want    []string
		code    connect.Code
		errs    int
	}{
		{"an intent", reply(nil), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			i := audits(auditconnect.WithActor(byUser), auditconnect.WithChannel("api"), auditconnect.WithTenant("acme"))
			return []connect.HandlerOption{connect.WithInterceptors(i, allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"channel":"api","tenant":"acme","outcome":"success",` + hello + of("Publish", "OK") + `}`}, 0, 0},
		{"a failure", reply(notFound), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser)), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "not_found") + `}`}, connect.CodeNotFound, 0},
		{"an error without a code", reply(errors.New("secret")), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser)), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "unknown") + `}`}, connect.CodeUnknown, 0},
		{"the end of a context", reply(fmt.Errorf("store: %w", context.DeadlineExceeded)), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser)), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "deadline_exceeded") + `}`}, connect.CodeDeadlineExceeded, 0},
		{"an error that another interceptor maps", reply(errors.New("not yours")), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			forbidden := connect.NewError(connect.CodePermissionDenied, errors.New("no"))
			i := audits(auditconnect.WithActor(byUser), auditconnect.WithDenials(tracker))
			return []connect.HandlerOption{connect.WithInterceptors(i, mapErrors(forbidden), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"denied",` + hello + of("Publish", "permission_denied") + `}`}, connect.CodePermissionDenied, 0},
		{"an error that another interceptor hides", reply(notFound), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser)), mapErrors(nil), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "OK") + `}`}, 0, 0},
		{"a panic that is recovered inside", crash, func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser))), recovered, connect.WithInterceptors(allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "internal") + `}`}, connect.CodeInternal, 0},
		{"a panic that nobody recovers", crash, func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser), auditconnect.WithCoverage(tracker, nil)), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Publish", "") + `}`}, connect.CodeInternal, 0},
		{"a denial by authentication", reply(nil), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			authenticate := interceptorFunc(func(context.Context, connect.AnyRequest, connect.UnaryFunc) (connect.AnyResponse, error) {
				return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("who are you?"))
			})
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithDenials(tracker)), authenticate, allProcedures(tracker))}
		}, []string{`{` + anonymous + denied + byMethod + of("Publish", "unauthenticated") + `}`}, connect.CodeUnauthenticated, 0},
		{"a denial by the handler", reply(connect.NewError(connect.CodePermissionDenied, nil)), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser), auditconnect.WithDenials(tracker)))}
		}, []string{`{` + alice + denied + byMethod + of("Publish", "permission_denied") + `}`}, connect.CodePermissionDenied, 0},
		{"a missing event", reply(nil), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser), auditconnect.WithCoverage(tracker, nil)))}
		}, []string{`{` + alice + `"action":"audit.coverage.missing","kind":"signal","outcome":"success",` + byMethod + of("Publish", "OK") + `}`}, 0, 1},
		{"a filter", reply(nil), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			notPublish := func(_ context.Context, procedure string) bool { return procedure != publishProcedure }
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithCoverage(tracker, nil), auditconnect.WithFilter(notPublish)))}
		}, nil, 0, 0},
		{"a handler that completes the event", completes, func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser)), allProcedures(tracker))}
		}, []string{`{` + alice + intent + `"outcome":"success","reason":"approved","target":{"id":"1","type":"article"},` + of("Publish", "OK") + `}`}, 0, 0},
		{"an intent without a target", reply(nil), func(tracker audit.Tracker, audits audits) []connect.HandlerOption {
			intents := auditconnect.Intents{publishProcedure: auditconnect.Intent(tracker, publishEvent)}
			return []connect.HandlerOption{connect.WithInterceptors(audits(auditconnect.WithActor(byUser), auditconnect.WithTargetCheck()), intents)}
		}, []string{`{` + alice + intent + `"outcome":"success",` + of("Publish", "OK") + `}`}, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			log := &frameworktest.Errors{}
			s := serve(t, tt.service.handler(tt.options(tracker, func(opts ...auditconnect.Option) *auditconnect.Interceptor {
				return auditconnect.NewInterceptor(append(opts, auditconnect.WithErrorHandler(log.Handle))...)
			})...))
			_, err := s.publish(t.Context(), "hello", "alice")
			switch {
			case tt.code == 0:
				assert.NoError(t, err)
			case tt.name == "a panic that nobody recovers":
				assert.Error(t, err)
			default:
				assert.Equal(t, tt.code, connect.CodeOf(err))
			}
			s.Close()
			records.RequireRecords(t, tt.want...)
			assert.Len(t, log.All(), tt.errs)
		})
	}
}

// TestStatuses checks the outcome of each code.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for code := connect.CodeCanceled; code <= connect.CodeUnauthenticated; code++ {
		outcome := "failure"
		if code == connect.CodePermissionDenied || code == connect.CodeUnauthenticated {
			outcome = "denied"
		}
		tracker, records := frameworktest.NewTracker(t)
		s := serve(t, reply(connect.NewError(code, nil)).handler(connect.WithInterceptors(
			auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), allProcedures(tracker))))
		for _, procedure := range []string{publishProcedure, watchProcedure} {
			assert.Equal(t, code, s.ask(t, procedure, nil, nil, "hello").code)
		}
		s.Close()
		records.RequireRecords(t,
			`{`+alice+intent+`"outcome":"`+outcome+`",`+hello+of("Publish", code.String())+`}`,
			`{`+alice+intent+`"outcome":"`+outcome+`",`+hello+of("Watch", code.String())+`}`)
	}
}

// TestNotModified answers a GET with 304, which is no failure.
func TestNotModified(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	service := reply(connect.NewNotModifiedError(http.Header{"Etag": {"1"}}))
	s := serve(t, service.handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), allProcedures(tracker))))
	get := s.ask(t, getProcedure, []connect.ClientOption{connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects)}, nil, "hello")
	assert.Contains(t, get.message, "not modified")
	s.Close()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+hello+of("Get", "OK")+`}`)
}

// TestCoverage checks that a procedure without side effects need not record an event.
func TestCoverage(t *testing.T) {
	t.Parallel()
	tracker, _ := frameworktest.NewTracker(t)
	log := &frameworktest.Errors{}
	s := serve(t, reply(nil).handler(connect.WithInterceptors(auditconnect.NewInterceptor(
		auditconnect.WithCoverage(tracker, nil), auditconnect.WithErrorHandler(log.Handle)))))
	s.ask(t, getProcedure, nil, nil, "hello")
	s.ask(t, publishProcedure, nil, nil, "hello")
	s.Close()
	assert.Equal(t, []error{&auditconnect.CoverageError{Route: publishProcedure}}, log.All())
}

// TestScope compares what the options say of a call.
func TestScope(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	audits := auditconnect.NewInterceptor(auditconnect.WithActor(byUser),
		auditconnect.WithOnBehalfOf(func(ctx context.Context, _ audit.Actor) (audit.Actor, error) {
			return audit.User(auditconnect.RequestHeader(ctx).Get("As")), nil
		}),
		auditconnect.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")),
		auditconnect.WithMetadata(func(context.Context) []attribute.KeyValue {
			return []attribute.KeyValue{attribute.String("region", "eu")}
		}))
	s := serve(t, reply(nil).handler(connect.WithInterceptors(audits, allProcedures(tracker))))
	header := []string{"As", "bob", "X-Forwarded-For", "198.51.100.1, 203.0.113.7", "X-Request-Id", "r-1", "Authorization", "Bearer secret"}
	for _, procedure := range []string{publishProcedure, watchProcedure} {
		s.ask(t, procedure, nil, header, "hello")
	}
	s.Close()
	bob := audit.User("bob")
	all := records.Records()
	require.Len(t, all, 2)
	for i, name := range []string{"Publish", "Watch"} {
		assert.Equal(t, audit.Actor{Type: audit.ActorUser, ID: "alice", OnBehalfOf: &bob}, all[i].Actor)
		assert.Equal(t, []attribute.KeyValue{
			semconv.ClientAddressKey.String("203.0.113.7"), semconv.RequestIDKey.String("r-1"), semconv.NetworkPeerAddressKey.String("127.0.0.1"),
			attribute.String("region", "eu"), semconv.RPCMethodKey.String("articles.v1.Articles/" + name),
			semconv.RPCResponseStatusCodeKey.String("OK"), semconv.RPCSystemNameKey.String("connectrpc"), semconv.UserAgentOriginalKey.String("test/1.0"),
		}, all[i].Metadata)
	}
}

// TestSupply checks what a call supplies before its handler gets a message.
func TestSupply(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason"}})
	require.NoError(t, err)
	for _, procedure := range []string{publishProcedure, watchProcedure, uploadProcedure, editProcedure} {
		for _, why := range []string{"spam", ""} {
			t.Run(procedure+why, func(t *testing.T) {
				t.Parallel()
				tracker, records := frameworktest.NewTracker(t, sdk.WithPolicy(rules))
				event := auditconnect.Intent(tracker, publishEvent, auditconnect.ReasonFrom(auditconnect.Header("Why")), auditconnect.TargetFrom("article", slugOf),
					auditconnect.MetadataFrom("ticket", func(*text) string { return "T-1" }))
				got := 0
				service := reply(nil)
				service.publish = func(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
					got++
					return connect.NewResponse(req.Msg), nil
				}
				service.watch = func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error {
					got++
					return nil
				}
				service.upload = func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
					for s.Receive() {
						got++
					}
					return connect.NewResponse(wrapperspb.String("thanks")), s.Err()
				}
				service.edit = func(_ context.Context, s *connect.BidiStream[text, text]) error {
					_, err := s.Receive()
					if err == nil {
						got++
					}
					return err
				}
				s := serve(t, service.handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), auditconnect.Intents{procedure: event})))
				answer := s.ask(t, procedure, nil, []string{"Why", why}, "hello")
				s.Close()
				all := records.All()
				if why != "" {
					assert.Zero(t, answer.code, answer.message)
					assert.Equal(t, 1, got)
					assert.Equal(t, "spam", all[len(all)-1].Reason)
					assert.Contains(t, all[len(all)-1].Metadata, attribute.String("ticket", "T-1"))
					return
				}
				assert.Equal(t, connect.CodeFailedPrecondition, answer.code)
				assert.Equal(t, "failed_precondition: missing or empty: reason", answer.message)
				assert.Zero(t, got)
				require.Len(t, all, 1)
				assert.Equal(t, semconv.ActionRejected, all[0].Action)
			})
		}
	}
}

// An interceptor finds which fields were missing in the error.
func TestUnmetError(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason"}})
	require.NoError(t, err)
	tracker, _ := frameworktest.NewTracker(t, sdk.WithPolicy(rules))
	answer := interceptorFunc(func(ctx context.Context, req connect.AnyRequest, next connect.UnaryFunc) (connect.AnyResponse, error) {
		resp, err := next(ctx, req)
		if unmet, ok := errors.AsType[*audit.UnmetError](err); ok {
			return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("say "+unmet.Fields[0]))
		}
		return resp, err
	})
	event := auditconnect.Intent(tracker, publishEvent, auditconnect.ReasonFrom(auditconnect.Header("Why")))
	s := serve(t, reply(nil).handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), answer, auditconnect.Intents{publishProcedure: event})))
	_, err = s.publish(t.Context(), "hello", "alice")
	assert.EqualError(t, err, "invalid_argument: say reason")
}

// TestInsideHTTP has the middleware of net/http outside, which knows the actor.
func TestInsideHTTP(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	outside := audithttp.Middleware(audithttp.WithActor(func(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }))
	s := serve(t, outside(reply(nil).handler(connect.WithInterceptors(allProcedures(tracker)))))
	_, err := s.publish(t.Context(), "hello", "alice")
	require.NoError(t, err)
	s.Close()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+hello+`"metadata":{"client.address":"127.0.0.1","http.request.method":"POST",`+
		`"http.route":"/articles.v1.Articles/Publish","network.peer.address":"127.0.0.1","rpc.method":"articles.v1.Articles/Publish",`+
		`"rpc.response.status_code":"OK","rpc.system.name":"connectrpc","url.path":"/articles.v1.Articles/Publish","user_agent.original":"test/1.0"}}`)
}

// Interceptors that a client has too do nothing there.
func TestClientsAreUntouched(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	audits := auditconnect.NewInterceptor(auditconnect.WithActor(byUser), auditconnect.WithCoverage(tracker, nil))
	s := serve(t, reply(nil).handler())
	protocol := []connect.ClientOption{connect.WithInterceptors(audits, allProcedures(tracker))}
	for _, procedure := range []string{publishProcedure, watchProcedure, uploadProcedure, editProcedure} {
		assert.Zero(t, s.ask(t, procedure, protocol, nil, "hello").code)
	}
	assert.Empty(t, records.Records())
}

// TestConcurrentCalls sends calls and streams of many users. Each record has the actor of its
// call.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	const users, calls = 10, 20
	tracker, records := frameworktest.NewTracker(t)
	s := serve(t, reply(nil).handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), allProcedures(tracker))))
	var clients sync.WaitGroup
	for n := range users {
		user := "user-" + strconv.Itoa(n)
		clients.Go(func() {
			for i := range calls {
				id := fmt.Sprintf("%s/%d", user, i)
				_, err := s.publish(t.Context(), id, user)
				assert.NoError(t, err)
				s.ask(t, watchProcedure, nil, []string{"User", user}, id)
			}
		})
	}
	clients.Wait()
	s.Close()
	all := records.Records()
	require.Len(t, all, 2*users*calls)
	for _, r := range all {
		assert.Regexp(t, "^"+r.Actor.ID+"/", r.Target.ID)
	}
}
