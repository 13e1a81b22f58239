package propagation_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "0123456789abcdef0123456789abcdef"

func newKey(t testing.TB, id, secret string) propagation.Key {
	t.Helper()
	key, err := propagation.NewKey(id, []byte(secret))
	require.NoError(t, err)
	return key
}

// newRecorder returns a tracker and the recorder of its records.
func newRecorder(t testing.TB, opts ...sdk.Option) (audit.Tracker, *audittest.Recorder) {
	t.Helper()
	recorder := audittest.NewRecorder(t, opts...)
	tracker := recorder.Tracker("test")
	return tracker, recorder
}

// actions lists the records as "kind action".
func actions(r *audittest.Recorder) []string {
	var list []string
	for _, r := range r.Records() {
		list = append(list, r.Kind.String()+" "+r.Action)
	}
	return list
}

func article(id string) audit.Target { return audit.Target{Type: "article", ID: id} }

func signal(op audit.Operation, target audit.Target) audit.Event {
	return audit.Event{Kind: audit.KindSignal, Action: "article." + op.String(), Operation: op, Target: target}
}

func intent(op audit.Operation, target audit.Target) audit.Event {
	return audit.Event{Action: "intent." + op.String(), Operation: op, Target: target, Outcome: audit.OutcomeSuccess}
}

// carry passes the audit context of ctx through a token.
func carry(ctx context.Context, t testing.TB, opts ...audit.ScopeOption) (context.Context, *audit.Scope) {
	t.Helper()
	key := newKey(t, "k1", testSecret)
	token, err := propagation.Marshal(ctx, key, "worker", time.Minute)
	require.NoError(t, err)
	requireHeaderSafe(t, token)
	inner, scope, err := propagation.Unmarshal(t.Context(), token, "worker", []propagation.Key{key}, opts...)
	require.NoError(t, err)
	return inner, scope
}

func requireHeaderSafe(t testing.TB, token string) {
	t.Helper()
	require.LessOrEqual(t, len(token), propagation.MaxToken)
	require.Empty(t, strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."))
}

// TestMarshal tracks the same event in a request and in its job. The records differ in
// the channel and in the metadata of the token only.
func TestMarshal(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	alice := audit.Actor{
		Type: audit.ActorUser, ID: "42", Name: "Zoë \"Z\" 🔒\u2028", AuthMethod: "jwt", SessionID: "test", Roles: []string{"editor", ""},
		OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "7", SessionID: "inner"},
	}
	outer, outermost := audit.NewScope(t.Context(), audit.WithScopeMetadata(attribute.String("client.address", "203.0.113.7")))
	request, scope := audit.NewScope(outer,
		audit.WithActor(func(context.Context) (audit.Actor, error) { return alice, nil }),
		audit.WithChannel("api"), audit.WithTenant("acme"),
		plumbing.WithClientMetadata(attribute.String("user_agent.original", strings.Repeat("x", 600))),
		audit.WithScopeMetadata(attribute.String("client.address", "198.51.100.1"), attribute.Int("n", 1)))
	event := intent(audit.OperationUpdate, article("1"))
	require.NoError(t, tracker.Track(request, event))
	job, jobScope := carry(request, t)
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, outermost.End(t.Context()))
	require.NoError(t, tracker.Track(job, event))
	require.NoError(t, jobScope.End(t.Context()))

	records := trail.Records()
	require.Len(t, records, 2)
	want, got := records[0], records[1]
	assert.Equal(t, "9f86d081884c7d65", got.Actor.SessionID, "the fingerprint, and not that of the fingerprint")
	assert.Equal(t, want.Actor, got.Actor)
	assert.Equal(t, "acme", got.Tenant)
	assert.Equal(t, "job", got.Channel)
	assert.Equal(t, want.Marks, got.Marks)
	assert.NotEmpty(t, got.Marks)
	assert.Equal(t, want.Overridden, got.Overridden)
	assert.NotEmpty(t, got.Overridden)
	origin := []attribute.KeyValue{
		attribute.String("audit.context.channel", "api"), semconv.ContextIDKey.String(propagation.TokenID(job).String()),
	}
	assert.Equal(t, append(origin, want.Metadata...), got.Metadata)
	assert.False(t, propagation.TokenID(job).IsZero())
}

// TestMarshalTwice runs a job that enqueues another.
func TestMarshalTwice(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	request, _ := audit.NewScope(t.Context(), audit.WithChannel("web"),
		audit.AsActor(audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "test"}))
	first, _ := carry(request, t)
	second, _ := carry(first, t)
	inner, _ := audit.NewScope(second)
	require.NoError(t, tracker.Track(inner, intent(audit.OperationRead, article("1"))))
	r := trail.Records()[0]
	assert.Equal(t, "9f86d081884c7d65", r.Actor.SessionID)
	assert.Equal(t, []attribute.KeyValue{
		semconv.ContextChannelKey.String("web"), semconv.ContextIDKey.String(propagation.TokenID(second).String()),
	}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{semconv.ContextIDKey.String(propagation.TokenID(first).String())}, r.Overridden)
	assert.NotEqual(t, propagation.TokenID(first), propagation.TokenID(second))
	assert.Equal(t, propagation.TokenID(second), propagation.TokenID(inner))
	assert.Zero(t, propagation.TokenID(t.Context()))
	assert.Zero(t, propagation.TokenID(request))
}

func TestMarshalActor(t *testing.T) {
	t.Parallel()
	key := newKey(t, "k1", testSecret)
	alice := audit.User("alice")
	broken := errors.New("no user store")
	tests := []struct {
		name  string
		ctx   func(context.Context) context.Context
		opts  []audit.ScopeOption
		want  audit.Actor
		err   error
		field string
	}{
		{name: "none", err: audit.ErrNoActor},
		{name: "none in a scope", ctx: scoped(), err: audit.ErrNoActor},
		{name: "of the context", ctx: func(ctx context.Context) context.Context { return audit.ContextWithActor(ctx, alice) }, want: alice},
		{name: "of the scope", ctx: scoped(audit.AsActor(alice)), want: alice},
		{name: "in the options", ctx: scoped(audit.AsActor(alice)), opts: []audit.ScopeOption{audit.AsActor(audit.User("bob"))}, want: audit.User("bob")},
		{name: "from a resolver in the options", opts: []audit.ScopeOption{audit.WithActor(func(context.Context) (audit.Actor, error) { return alice, nil })}, want: alice},
		{name: "the resolver fails", ctx: scoped(audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, broken })), err: broken},
		{name: "the resolver in the options fails", ctx: scoped(audit.AsActor(alice)), opts: []audit.ScopeOption{audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, broken })}, err: broken},
		{name: "anonymous", ctx: scoped(audit.AsActor(audit.Anonymous())), want: audit.Anonymous()},
		{name: "unresolved", ctx: scoped(audit.AsActor(audit.Actor{Type: audit.ActorUnresolved})), field: "actor.type"},
		{name: "of an unknown type", ctx: scoped(audit.AsActor(audit.Actor{Type: 9, ID: "1"})), field: "actor.type"},
		{name: "without an ID", ctx: scoped(audit.AsActor(audit.User(""))), field: "actor.id"},
		{name: "anonymous with an ID", ctx: scoped(audit.AsActor(audit.Actor{Type: audit.ActorAnonymous, ID: "1"})), field: "actor.id"},
		{name: "on behalf of none", ctx: scoped(audit.AsActor(audit.Actor{Type: audit.ActorUser, ID: "1", OnBehalfOf: &audit.Actor{ID: "2"}})), field: "actor.on_behalf_of.type"},
		{name: "a circular chain", ctx: scoped(audit.AsActor(circularActor())), want: chainOf(record.MaxDelegation)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if tt.ctx != nil {
				ctx = tt.ctx(ctx)
			}
			token, err := propagation.Marshal(ctx, key, "worker", time.Minute, tt.opts...)
			if tt.err != nil || tt.field != "" {
				require.Error(t, err)
				assert.Empty(t, token)
				if tt.field == "" {
					require.ErrorIs(t, err, tt.err)
					return
				}
				var invalid *audit.ValidationError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, tt.field, invalid.Field)
				return
			}
			require.NoError(t, err)
			job, _, err := propagation.Unmarshal(t.Context(), token, "worker", []propagation.Key{key})
			require.NoError(t, err)
			var e audit.Event
			r, err := plumbing.Resolve(job, &e, time.Second)
			r.Done()
			require.NoError(t, err)
			assert.Equal(t, tt.want, e.Actor)
		})
	}
}

// scoped returns a function that opens a scope.
func scoped(opts ...audit.ScopeOption) func(context.Context) context.Context {
	return func(ctx context.Context) context.Context {
		ctx, _ = audit.NewScope(ctx, opts...)
		return ctx
	}
}

// chainOf returns an actor who acts for the last of n others like it.
func chainOf(n int) audit.Actor {
	a := audit.User("1")
	if n > 0 {
		next := chainOf(n - 1)
		a.OnBehalfOf = &next
	}
	return a
}

func circularActor() audit.Actor {
	a := audit.User("1")
	a.OnBehalfOf = &a
	return a
}

func TestMarshalRejects(t *testing.T) {
	t.Parallel()
	key := newKey(t, "k1", testSecret)
	tests := []struct {
		name     string
		key      propagation.Key
		audience string
		ttl      time.Duration
		opts     []audit.ScopeOption
		field    string
	}{
		{"no key", propagation.Key{}, "worker", time.Minute, nil, "key"},
		{"no audience", key, "", time.Minute, nil, "audience"},
		{"an audience that is not text", key, "a\n", time.Minute, nil, "audience"},
		{"a long audience", key, strings.Repeat("a", 257), time.Minute, nil, "audience"},
		{"no lifetime", key, "worker", 0, nil, "ttl"},
		{"a negative lifetime", key, "worker", -time.Minute, nil, "ttl"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := audit.ContextWithActor(t.Context(), audit.User("1"))
			token, err := propagation.Marshal(ctx, tt.key, tt.audience, tt.ttl, tt.opts...)
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
			assert.Empty(t, token)
		})
	}
}

// TestMarshalShortens: no metadata keeps work from being passed on.
func TestMarshalShortens(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	deep := attribute.StringValue("a")
	for range 80 {
		deep = attribute.SliceValue(deep)
	}
	opts := []audit.ScopeOption{
		audit.WithScopeMetadata(attribute.String("note", "kept")),
		plumbing.WithClientMetadata(attribute.String("long", strings.Repeat("x", propagation.MaxToken)), attribute.String("agent", strings.Repeat("y", 2000))),
		audit.WithScopeMetadata(
			attribute.KeyValue{Key: "deep", Value: deep}, attribute.Int("", 1), attribute.Int(strings.Repeat("k", 257), 1),
			attribute.Map("m", attribute.Int("a", 1), attribute.Int("a", 2)),
		),
		audit.WithScopeMetadata(attribute.Int("long", 1)), audit.WithTenant("a\xff"),
	}
	for n := range 300 {
		opts = append(opts, audit.WithScopeMetadata(attribute.String("z"+strconv.Itoa(n), strings.Repeat("z", 100+n))))
	}
	ctx, _ := audit.NewScope(audit.ContextWithActor(t.Context(), audit.User("1")), opts...)
	job, scope := carry(ctx, t)
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.End(t.Context()))
	r := trail.Records()[0]
	assert.Equal(t, `a\xff`, r.Tenant)
	keys := map[attribute.Key]attribute.Value{}
	for _, kv := range r.Metadata {
		keys[kv.Key] = kv.Value
	}
	assert.Equal(t, attribute.StringValue("kept"), keys["note"])
	assert.Equal(t, attribute.Int64Value(1), keys["long"])
	assert.Equal(t, attribute.MapValue(attribute.Int("a", 2)), keys["m"])
	assert.Contains(t, keys, attribute.Key(""))
	assert.NotContains(t, keys, attribute.Key("deep"))
	assert.Greater(t, len(keys), 20, "the smallest are kept")
	assert.Empty(t, r.Overridden)
	assert.Contains(t, r.Marks, mark.Mark{Path: "overridden", Kind: "dropped", Count: 1})
	assert.Equal(t, "metadata", r.Marks[0].Path)
	assert.Equal(t, 300+6+2, int(r.Marks[0].Count)+len(r.Metadata), "and the channel and the ID of the token")
}

// TestMarshalShortensActor: neither a long chain nor what somebody calls himself keeps work
// from being passed on.
func TestMarshalShortensActor(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	actor := audit.Actor{
		Type: audit.ActorUser, ID: "1", Name: strings.Repeat("n", propagation.MaxToken), AuthMethod: "jwt", Roles: []string{"a", "b"},
	}
	principal := circularActor()
	actor.OnBehalfOf = &principal
	ctx, _ := audit.NewScope(audit.ContextWithActor(t.Context(), actor), audit.WithScopeMetadata(attribute.String("note", "kept")))
	job, scope := carry(ctx, t)
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	own := intent(audit.OperationRead, article("1"))
	own.Actor = audit.System("mailer")
	require.NoError(t, tracker.Track(job, own))
	require.NoError(t, scope.End(t.Context()))
	assert.Empty(t, trail.Records()[1].Marks, "they are about another actor")
	r := trail.Records()[0]
	assert.Equal(t, chainOf(record.MaxDelegation), r.Actor)
	assert.Contains(t, r.Metadata, attribute.String("note", "kept"))
	assert.Equal(t, []mark.Mark{
		{Path: "actor.auth_method", Kind: mark.Unread, Length: 3},
		{Path: "actor.name", Kind: mark.Unread, Length: propagation.MaxToken},
		{Path: "actor" + strings.Repeat(".on_behalf_of", record.MaxDelegation+1), Kind: mark.Dropped},
		{Path: "actor.roles", Kind: mark.Dropped, Count: 2},
	}, r.Marks)
}

// TestMarshalEscapes: text that a person typed cannot lose a job.
func TestMarshalEscapes(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	bad := attribute.StringValue("a\xff")
	given := []attribute.KeyValue{
		{Key: "good", Value: attribute.StringValue("a")},
		{Key: "list", Value: attribute.StringSliceValue([]string{"a", "\xff"})},
		{Key: "map", Value: attribute.MapValue(attribute.KeyValue{Key: "a", Value: bad})},
		{Key: "slice", Value: attribute.SliceValue(bad, attribute.IntValue(1))},
		{Key: "text", Value: bad},
	}
	ctx, scope := audit.NewScope(t.Context(), audit.WithScopeMetadata(given...), audit.WithScopeMetadata(attribute.Int("text", 1)),
		audit.AsActor(audit.Actor{Type: audit.ActorUser, ID: "1", Name: "n\xff", OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "2", Name: "\xff"}}))
	job, jobScope := carry(ctx, t)
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("1"))))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, jobScope.End(t.Context()))
	want, got := trail.Records()[0], trail.Records()[1]
	assert.Equal(t, want.Actor, got.Actor)
	assert.Equal(t, want.Metadata, got.Metadata[1:])
	assert.Equal(t, want.Overridden, got.Overridden)
	assert.Equal(t, want.Marks, got.Marks)
	assert.Len(t, got.Marks, 6)
}

// TestUnmarshalOptions: the options take precedence over the token.
func TestUnmarshalOptions(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	request, _ := audit.NewScope(t.Context(), audit.AsActor(audit.User("1")), audit.WithTenant("acme"),
		audit.WithScopeMetadata(attribute.String("a", "request"), attribute.String("secret", "x")))
	none := func(context.Context) (audit.Actor, error) { return audit.Actor{}, plumbing.ErrInherit }
	job, scope := carry(request, t, audit.WithChannel("system"), audit.WithTenant("other"), audit.WithActor(none),
		audit.WithScopeMetadata(attribute.String("a", "job")), audit.WithoutMetadata("secret"))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.Set(audit.AsActor(audit.System("worker"))))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	r := trail.Records()[0]
	assert.Equal(t, audit.User("1"), r.Actor, "the resolver inherits it")
	assert.Equal(t, "system", r.Channel)
	assert.Equal(t, "other", r.Tenant)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "job"), semconv.ContextIDKey.String(propagation.TokenID(job).String())}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "request")}, r.Overridden)
	assert.Equal(t, audit.System("worker"), trail.Records()[1].Actor, "set explicitly")
}

// TestUnmarshalIsolates: a job inherits nothing from the worker's scope.
func TestUnmarshalIsolates(t *testing.T) {
	t.Parallel()
	tracker, trail := newRecorder(t)
	key := newKey(t, "k1", testSecret)
	token, err := propagation.Marshal(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Minute)
	require.NoError(t, err)

	type mine struct{}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx, cancel := context.WithCancel(context.WithValue(trace.ContextWithSpanContext(t.Context(), span), mine{}, "value"))
	defer cancel()
	worker, workerScope := audit.NewScope(ctx, audit.AsActor(audit.System("worker")), audit.WithTenant("other"),
		audit.WithScopeMetadata(attribute.String("worker", "w1")))
	job, scope, err := propagation.Unmarshal(audit.ContextWithActor(worker, audit.System("inner")), token, "worker", []propagation.Key{key})
	require.NoError(t, err)

	a := article("a")
	require.NoError(t, tracker.Track(worker, signal(audit.OperationUpdate, a)))
	require.NoError(t, tracker.Track(job, intent(audit.OperationUpdate, a)))
	require.NoError(t, tracker.Track(job, signal(audit.OperationDelete, a)))
	require.NoError(t, tracker.Track(worker, intent(audit.OperationDelete, a)))
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, workerScope.End(t.Context()))
	require.Equal(t, []string{"intent intent.update", "intent intent.delete", "signal article.delete", "signal article.update"}, actions(trail))
	r := trail.Records()[0]
	assert.Equal(t, audit.User("1"), r.Actor)
	assert.Empty(t, r.Tenant)
	assert.Len(t, r.Metadata, 1)
	assert.Equal(t, span.TraceID(), r.TraceID, "the trace of the message's context")
	assert.Equal(t, audit.User("1"), trail.Records()[2].Actor)
	assert.Equal(t, audit.System("worker"), trail.Records()[3].Actor)
	assert.Equal(t, "value", job.Value(mine{}))
	cancel()
	require.ErrorIs(t, job.Err(), context.Canceled)

	quiet, _, err := propagation.Unmarshal(audit.SuppressSignals(t.Context()), token, "worker", []propagation.Key{key})
	require.NoError(t, err)
	assert.True(t, plumbing.SignalsSuppressed(quiet))
}

func TestUnmarshalRejects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, other := newKey(t, "k1", testSecret), newKey(t, "k2", testSecret+"x")
		impostor := newKey(t, "k1", strings.ToUpper(testSecret))
		token, err := propagation.Marshal(audit.ContextWithActor(t.Context(), audit.User("42")), key, "worker", time.Hour)
		require.NoError(t, err)
		check := func(want error, token, audience string, keys ...propagation.Key) {
			t.Helper()
			ctx, scope, err := propagation.Unmarshal(t.Context(), token, audience, keys)
			if want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, want)
			require.Nil(t, ctx)
			require.Nil(t, scope)
			for _, secret := range []string{testSecret, "worker", "42", "k1"} {
				require.NotContains(t, err.Error(), secret)
			}
		}
		check(nil, token, "worker", other, key)
		check(nil, token, "worker", impostor, key)
		check(propagation.ErrSignature, token, "worker", impostor)
		check(propagation.ErrSignature, token[:len(token)-1], "worker", key)
		check(propagation.ErrUnknownKey, token, "worker", other)
		check(propagation.ErrUnknownKey, token, "worker")
		check(propagation.ErrUnknownKey, strings.Replace(token, "k1", "", 1), "worker", propagation.Key{})
		check(propagation.ErrAudience, token, "mailer", key)
		check(propagation.ErrAudience, token, "", key)
		check(propagation.ErrMalformed, "", "worker", key)
		check(propagation.ErrMalformed, token+strings.Repeat("A", propagation.MaxToken), "worker", key)
		time.Sleep(time.Hour + propagation.ClockSkew - 1) // the bubble's clock
		check(nil, token, "worker", key)
		time.Sleep(time.Nanosecond)
		check(propagation.ErrExpired, token, "worker", key)
		check(propagation.ErrAudience, token, "mailer", key)
	})
}

// TestLifetime: a token is valid for at least its lifetime.
func TestLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(700 * time.Millisecond)
		key := newKey(t, "k1", testSecret)
		token, err := propagation.Marshal(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Millisecond)
		require.NoError(t, err)
		time.Sleep(propagation.ClockSkew + time.Millisecond)
		_, _, err = propagation.Unmarshal(t.Context(), token, "worker", []propagation.Key{key})
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, _, err = propagation.Unmarshal(t.Context(), token, "worker", []propagation.Key{key})
		require.ErrorIs(t, err, propagation.ErrExpired)
	})
}

// TestMarshalResolvesOnce: the request's resolver is called once, and never by the job.
func TestMarshalResolvesOnce(t *testing.T) {
	t.Parallel()
	tracker, _ := newRecorder(t)
	var asked atomic.Int32
	request, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		asked.Add(1)
		return audit.User("1"), nil
	}))
	for range 3 {
		job, _ := carry(request, t)
		require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	}
	require.NoError(t, scope.End(t.Context()))
	assert.Equal(t, int32(1), asked.Load())
	_, err := propagation.Marshal(request, newKey(t, "k1", testSecret), "worker", time.Minute)
	require.NoError(t, err, "the actor is still known")
}
