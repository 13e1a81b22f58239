package request_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

const (
	methodKey = attribute.Key("rpc.method")
	codeKey   = attribute.Key("rpc.grpc.status_code")
)

// rpcStatus is the status of a call of an RPC framework.
func rpcStatus(code int) request.Status {
	s := request.Status{Key: codeKey, Code: code}
	switch code {
	case 0:
		s.Outcome = audit.OutcomeSuccess
	case 7: // PermissionDenied
		s.Outcome = audit.OutcomeDenied
	case 16: // Unauthenticated
		s.Outcome, s.Unauthenticated = audit.OutcomeDenied, true
	default:
		s.Outcome = audit.OutcomeFailure
	}
	return s
}

// call is a call of an RPC framework, whose integration is call.serve.
type call struct {
	user   string
	err    error // of the actor function
	handle func(ctx context.Context) int
	intent *audit.Event
}

// serve serves the call, as an interceptor does.
func (c call) serve(ctx context.Context, config *request.Config, t audit.Tracker) {
	d := request.Description{
		Route:        "/shop.Articles/Publish",
		RemoteAddr:   "10.0.0.1:1234",
		ForwardedFor: []string{"203.0.113.7"},
		UserAgent:    "grpc-go/1.0",
		Metadata:     []attribute.KeyValue{methodKey.String("Publish")},
		Actor: func(context.Context) (audit.Actor, error) {
			if c.user == "" {
				return audit.Actor{}, c.err
			}
			return audit.User(c.user), c.err
		},
	}
	x := config.Open(ctx, &d)
	defer x.End()
	result := request.Result{Panicked: true, Status: rpcStatus(13)}
	defer func() {
		if c.intent != nil {
			x.TrackIntent(t, *c.intent, result)
		}
		x.Finish(result)
	}()
	result.Status = rpcStatus(c.handle(x.Context()))
	result.Panicked = false
}

// Calls of a protocol other than HTTP.
func TestExchangeWithoutHTTP(t *testing.T) {
	t.Parallel()
	returns := func(code int) func(context.Context) int { return func(context.Context) int { return code } }
	rules, err := policy.New(policy.Rule{Name: "calls", Routes: []string{"/shop.Articles/*"}, RequireEvent: true})
	require.NoError(t, err)
	broken := errors.New("no connection to the user store")
	publish := audit.Event{Action: "article.publish", Target: audit.Target{Type: "article", ID: "1"}}
	tests := []struct {
		name   string
		call   call
		panics bool
		want   []audittest.Matcher // nil if nothing is recorded
		errs   int
	}{
		{"an intent", call{user: "alice", handle: returns(0), intent: &publish}, false, []audittest.Matcher{
			audittest.Action("article.publish"), audittest.Outcome(audit.OutcomeSuccess), audittest.Actor(audit.User("alice")),
			audittest.Metadata(
				codeKey.Int(0), methodKey.String("Publish"), semconv.ClientAddressKey.String("203.0.113.7"),
				semconv.NetworkPeerAddressKey.String("10.0.0.1"), semconv.UserAgentOriginalKey.String("grpc-go/1.0"),
			),
		}, 0},
		{"an intent that panics", call{user: "alice", handle: func(context.Context) int { panic("no") }, intent: &publish}, true, []audittest.Matcher{
			audittest.Action("article.publish"), audittest.Outcome(audit.OutcomeFailure), audittest.Metadata(codeKey.Int(13)),
		}, 0},
		{"a denial", call{user: "alice", handle: returns(7)}, false, []audittest.Matcher{
			audittest.Action(semconv.ActionAccessDenied), audittest.Outcome(audit.OutcomeDenied), audittest.Actor(audit.User("alice")),
			audittest.Target("route", "/shop.Articles/Publish"), audittest.Metadata(codeKey.Int(7)), audittest.Reason(""),
		}, 0},
		{"a denial whose actor cannot be found", call{err: broken, handle: returns(7)}, false, []audittest.Matcher{
			audittest.Action(semconv.ActionAccessDenied), audittest.Actor(audit.Anonymous()), audittest.Not(audittest.Reason("")),
		}, 1},
		{"a denial of an unknown client", call{err: broken, handle: returns(16)}, false, []audittest.Matcher{
			audittest.Action(semconv.ActionAccessDenied), audittest.Actor(audit.Anonymous()), audittest.Reason(""),
		}, 0},
		{"a missing event", call{user: "alice", handle: returns(0)}, false, []audittest.Matcher{
			audittest.Action(semconv.ActionCoverageMissing), audittest.Kind(audit.KindSignal), audittest.Metadata(codeKey.Int(0)),
			audittest.Target("route", "/shop.Articles/Publish"), audittest.Actor(audit.User("alice")),
		}, 1},
		{"a failure", call{user: "alice", handle: returns(5)}, false, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			tracker := recorder.Tracker("test")
			var errs []error
			config := &request.Config{
				Denials:      tracker,
				Coverage:     request.NewCoverage(tracker, rules),
				ErrorHandler: func(_ context.Context, err error) { errs = append(errs, err) },
			}
			config.TrustedProxies.Add(netip.MustParsePrefix("10.0.0.0/8"))
			serve := func() { tt.call.serve(t.Context(), config, tracker) }
			if tt.panics {
				assert.PanicsWithValue(t, "no", serve)
			} else {
				serve()
			}
			assert.Len(t, errs, tt.errs)
			if tt.want == nil {
				recorder.RequireNoRecord(t)
				return
			}
			recorder.RequireRecord(t)
			r := recorder.RequireRecord(t, tt.want...)
			for _, kv := range r.Metadata {
				assert.NotContains(t, []attribute.Key{semconv.HTTPRouteKey, semconv.URLPathKey, semconv.HTTPRequestMethodKey}, kv.Key)
			}
		})
	}
}

// Finish of a config without denials and coverage records nothing.
func TestFinishWithoutOptions(t *testing.T) {
	t.Parallel()
	config := &request.Config{}
	x := config.Open(t.Context(), &request.Description{Method: "POST"})
	assert.NotNil(t, audit.ScopeFromContext(x.Context()))
	x.Finish(request.Result{Status: request.HTTPStatus(403)})
	x.End()
}

// An inner exchange of another protocol records its route without HTTP's keys.
func TestNestedExchangeWithoutHTTP(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	config := &request.Config{Denials: recorder.Tracker("test")}
	outer := config.Open(t.Context(), &request.Description{Route: "/shop.Articles/Batch"})
	defer outer.End()
	inner := config.Open(outer.Context(), &request.Description{Route: "/shop.Articles/Publish"})
	defer inner.End()
	inner.Finish(request.Result{Status: rpcStatus(16)})
	r := recorder.RequireRecord(t, audittest.Target("route", "/shop.Articles/Publish"))
	assert.Equal(t, []attribute.KeyValue{codeKey.Int(16)}, r.Metadata)
}

// A request that panicked after its response began is not expected to record an event.
func TestCoverageAfterPanic(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	config := &request.Config{Coverage: request.NewCoverage(recorder.Tracker("test"), nil)}
	var results []request.CoverageResult
	ctx := request.ContextWithCoverageObserver(t.Context(), func(r request.CoverageResult) { results = append(results, r) })
	x := config.Open(ctx, &request.Description{Method: "POST", Route: "/a"})
	x.Finish(request.Result{Status: request.HTTPStatus(200), Panicked: true})
	x.End()
	assert.Equal(t, []request.CoverageResult{{Method: "POST", Route: "/a", Status: request.HTTPStatus(200)}}, results)
	recorder.RequireNoRecord(t)
}

// A context that does not carry the scope is not used for events.
func TestResultOfAnotherScope(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	config := &request.Config{}
	x := config.Open(t.Context(), &request.Description{Actor: func(context.Context) (audit.Actor, error) { return audit.User("alice"), nil }})
	other := audit.ContextWithActor(t.Context(), audit.User("mallory"))
	x.TrackIntent(recorder.Tracker("test"), audit.Event{Action: "article.publish", Target: audit.Target{Type: "article", ID: "1"}}, request.Result{Context: other, Status: request.HTTPStatus(200)})
	x.End()
	recorder.RequireRecord(t, audittest.Actor(audit.User("alice")))
}

func TestHTTPStatus(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]audit.Outcome{
		101: audit.OutcomeSuccess, 200: audit.OutcomeSuccess, 304: audit.OutcomeSuccess, 400: audit.OutcomeFailure,
		401: audit.OutcomeDenied, 403: audit.OutcomeDenied, 404: audit.OutcomeFailure, 500: audit.OutcomeFailure,
	} {
		assert.Equal(t, request.Status{
			Key: semconv.HTTPResponseStatusCodeKey, Code: code, Outcome: want, Unauthenticated: code == 401,
		}, request.HTTPStatus(code))
	}
}

func TestVerdictString(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[request.Verdict]string{
		request.VerdictNotRequired: "not required", request.VerdictAudited: "audited", request.VerdictExempt: "exempt",
		request.VerdictMissing: "missing", 9: "Verdict(9)",
	} {
		assert.Equal(t, want, verdict.String())
	}
}

func TestCoverageErrorText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "audit: POST /a/{id} succeeded but recorded no event; track an intent, or exempt the route with a policy rule",
		(&request.CoverageError{Method: "POST", Route: "/a/{id}"}).Error())
	assert.Contains(t, (&request.CoverageError{Method: "POST"}).Error(), "audit: POST (unknown route) succeeded")
}

// A middleware inside others knows the target that the handler set.
func TestTargetOfInnerExchange(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	config := &request.Config{Denials: recorder.Tracker("test")}
	ctx := t.Context()
	var exchanges []*request.Exchange
	for range 3 {
		x := config.Open(ctx, &request.Description{Method: "DELETE", Route: "/articles/{id}"})
		ctx = x.Context()
		exchanges = append(exchanges, x)
	}
	audit.SetTarget(ctx, audit.Target{Type: "article", ID: "1"})
	for _, x := range slices.Backward(exchanges) {
		x.Finish(request.Result{Status: request.HTTPStatus(403)})
		x.End()
	}
	recorder.RequireRecord(t, audittest.Action(semconv.ActionAccessDenied), audittest.Target("article", "1"))
}
