package audit_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

const contextSecret = "0123456789abcdef0123456789abcdef"

func contextKey(t testing.TB, id, secret string) audit.ContextKey {
	t.Helper()
	key, err := audit.NewContextKey(id, []byte(secret))
	require.NoError(t, err)
	return key
}

// carry takes the audit context of ctx through a token.
func carry(ctx context.Context, t testing.TB, opts ...audit.ScopeOption) (context.Context, *audit.Scope) {
	t.Helper()
	key := contextKey(t, "k1", contextSecret)
	token, err := audit.MarshalContext(ctx, key, "worker", time.Minute)
	require.NoError(t, err)
	requireHeaderSafe(t, token)
	inner, scope, err := audit.UnmarshalContext(t.Context(), token, "worker", []audit.ContextKey{key}, opts...)
	require.NoError(t, err)
	return inner, scope
}

func requireHeaderSafe(t testing.TB, token string) {
	t.Helper()
	require.LessOrEqual(t, len(token), audit.MaxContextToken)
	require.Empty(t, strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."))
}

// TestMarshalContext tracks the same event in a request and in its job: but for the
// channel and what says where it comes from, the records are the same.
func TestMarshalContext(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	alice := audit.Actor{
		Type: audit.ActorUser, ID: "42", Name: "Zoë \"Z\" 🔒\u2028", AuthMethod: "jwt", SessionID: "test", Roles: []string{"editor", ""},
		OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "7", SessionID: "behind"},
	}
	outer, outermost := audit.NewScope(t.Context(), audit.WithScopeMetadata(attribute.String("client.address", "203.0.113.7")))
	request, scope := audit.NewScope(outer,
		audit.WithActorFunc(func(context.Context) (audit.Actor, error) { return alice, nil }),
		audit.WithChannel("api"), audit.WithTenant("acme"),
		audit.WithClientMetadata(attribute.String("user_agent.original", strings.Repeat("x", 600))),
		audit.WithScopeMetadata(attribute.String("client.address", "198.51.100.1"), attribute.Int("n", 1)))
	event := intent(audit.OperationUpdate, article("1"))
	require.NoError(t, tracker.Track(request, event))
	job, jobScope := carry(request, t)
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, outermost.End(t.Context()))
	require.NoError(t, tracker.Track(job, event))
	require.NoError(t, jobScope.End(t.Context()))

	records := trail.all()
	require.Len(t, records, 2)
	want, got := records[0], records[1]
	assert.Equal(t, "9f86d081884c7d65", got.Actor.SessionID, "the fingerprint, and not that of the fingerprint")
	assert.Equal(t, want.Actor, got.Actor)
	assert.Equal(t, "acme", got.Tenant)
	assert.Equal(t, "job", got.Channel)
	assert.Equal(t, want.Marked, got.Marked)
	assert.NotEmpty(t, got.Marked)
	assert.Equal(t, want.Overridden, got.Overridden)
	assert.NotEmpty(t, got.Overridden)
	origin := []attribute.KeyValue{
		attribute.String("audit.context.channel", "api"), audit.ContextIDKey.String(jobScope.ContextID().String()),
	}
	assert.Equal(t, append(origin, want.Metadata...), got.Metadata)
	assert.False(t, jobScope.ContextID().IsZero())
}

// TestMarshalContextTwice is a job that enqueues another.
func TestMarshalContextTwice(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	request, _ := audit.NewScope(t.Context(), audit.WithChannel("web"),
		audit.WithActor(audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "test"}))
	first, firstScope := carry(request, t)
	second, secondScope := carry(first, t)
	inner, innerScope := audit.NewScope(second)
	require.NoError(t, tracker.Track(inner, intent(audit.OperationRead, article("1"))))
	r := trail.all()[0]
	assert.Equal(t, "9f86d081884c7d65", r.Actor.SessionID)
	assert.Equal(t, []attribute.KeyValue{
		audit.ContextChannelKey.String("web"), audit.ContextIDKey.String(secondScope.ContextID().String()),
	}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{audit.ContextIDKey.String(firstScope.ContextID().String())}, r.Overridden)
	assert.NotEqual(t, firstScope.ContextID(), secondScope.ContextID())
	assert.Equal(t, secondScope.ContextID(), innerScope.ContextID())
	assert.Zero(t, (*audit.Scope)(nil).ContextID())
	assert.Zero(t, audit.ScopeFromContext(request).ContextID())
}

func TestMarshalContextActor(t *testing.T) {
	t.Parallel()
	key := contextKey(t, "k1", contextSecret)
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
		{name: "nobody", err: audit.ErrNoActor},
		{name: "nobody in a scope", ctx: scoped(), err: audit.ErrNoActor},
		{name: "of the context", ctx: func(ctx context.Context) context.Context { return audit.ContextWithActor(ctx, alice) }, want: alice},
		{name: "of the scope", ctx: scoped(audit.WithActor(alice)), want: alice},
		{name: "by the options", ctx: scoped(audit.WithActor(alice)), opts: []audit.ScopeOption{audit.WithActor(audit.User("bob"))}, want: audit.User("bob")},
		{name: "by a resolver among the options", opts: []audit.ScopeOption{audit.WithActorFunc(func(context.Context) (audit.Actor, error) { return alice, nil })}, want: alice},
		{name: "the resolver fails", ctx: scoped(audit.WithActorFunc(func(context.Context) (audit.Actor, error) { return audit.Actor{}, broken })), err: broken},
		{name: "the resolver among the options fails", ctx: scoped(audit.WithActor(alice)), opts: []audit.ScopeOption{audit.WithActorFunc(func(context.Context) (audit.Actor, error) { return audit.Actor{}, broken })}, err: broken},
		{name: "anonymous", ctx: scoped(audit.WithActor(audit.Anonymous())), want: audit.Anonymous()},
		{name: "unresolved", ctx: scoped(audit.WithActor(audit.Actor{Type: audit.ActorUnresolved})), field: "actor.type"},
		{name: "of no known type", ctx: scoped(audit.WithActor(audit.Actor{Type: 9, ID: "1"})), field: "actor.type"},
		{name: "without an id", ctx: scoped(audit.WithActor(audit.User(""))), field: "actor.id"},
		{name: "anonymous with an id", ctx: scoped(audit.WithActor(audit.Actor{Type: audit.ActorAnonymous, ID: "1"})), field: "actor.id"},
		{name: "an id that is not text", ctx: scoped(audit.WithActor(audit.User("a\xff"))), field: "actor.id"},
		{name: "a role that is not text", ctx: scoped(audit.WithActor(audit.Actor{Type: audit.ActorUser, ID: "1", Roles: []string{"a\n"}})), field: "actor.roles"},
		{name: "a method that is not text", ctx: scoped(audit.WithActor(audit.Actor{Type: audit.ActorUser, ID: "1", AuthMethod: "a\x00"})), field: "actor.auth_method"},
		{name: "behind it nobody", ctx: scoped(audit.WithActor(audit.Actor{Type: audit.ActorUser, ID: "1", OnBehalfOf: &audit.Actor{ID: "2"}})), field: "actor.on_behalf_of.type"},
		{name: "a circle", ctx: scoped(audit.WithActor(circle())), field: "actor.on_behalf_of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if tt.ctx != nil {
				ctx = tt.ctx(ctx)
			}
			token, err := audit.MarshalContext(ctx, key, "worker", time.Minute, tt.opts...)
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
			job, _, err := audit.UnmarshalContext(t.Context(), token, "worker", []audit.ContextKey{key})
			require.NoError(t, err)
			var e audit.Event
			r, err := audit.Resolve(job, &e, time.Second)
			r.Done()
			require.NoError(t, err)
			assert.Equal(t, tt.want, e.Actor)
		})
	}
}

func circle() audit.Actor {
	a := audit.User("1")
	a.OnBehalfOf = &a
	return a
}

func TestMarshalContextRefuses(t *testing.T) {
	t.Parallel()
	key := contextKey(t, "k1", contextSecret)
	deep := attribute.Int64Value(1)
	for range 80 {
		deep = attribute.SliceValue(deep)
	}
	metadata := func(kvs ...attribute.KeyValue) []audit.ScopeOption {
		return []audit.ScopeOption{audit.WithScopeMetadata(kvs...)}
	}
	tests := []struct {
		name     string
		key      audit.ContextKey
		audience string
		ttl      time.Duration
		opts     []audit.ScopeOption
		field    string
	}{
		{"no key", audit.ContextKey{}, "worker", time.Minute, nil, "key"},
		{"no audience", key, "", time.Minute, nil, "audience"},
		{"an audience that is not text", key, "a\n", time.Minute, nil, "audience"},
		{"a long audience", key, strings.Repeat("a", 257), time.Minute, nil, "audience"},
		{"no life", key, "worker", 0, nil, "ttl"},
		{"a negative life", key, "worker", -time.Minute, nil, "ttl"},
		{"a tenant that is not text", key, "worker", time.Minute, []audit.ScopeOption{audit.WithTenant("a\xff")}, "tenant"},
		{"an empty key", key, "worker", time.Minute, metadata(attribute.Int("", 1)), "metadata"},
		{"a long key", key, "worker", time.Minute, metadata(attribute.Int(strings.Repeat("k", 257), 1)), "metadata"},
		{"a key that is not text", key, "worker", time.Minute, metadata(attribute.Int("a\xff", 1)), "metadata"},
		{"a key of the client's that is not text", key, "worker", time.Minute, []audit.ScopeOption{audit.WithClientMetadata(attribute.String("a\xff", "\xff"))}, "context"},
		{"a key twice in a map", key, "worker", time.Minute, metadata(attribute.KeyValue{
			Key: "m", Value: attribute.MapValue(attribute.Int("a", 1), attribute.Int("a", 2)),
		}), "metadata"},
		{"values too deep", key, "worker", time.Minute, metadata(attribute.KeyValue{Key: "deep", Value: deep}), "metadata"},
		{"too much", key, "worker", time.Minute, metadata(attribute.String("a", strings.Repeat("x", audit.MaxContextToken))), "context"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := audit.ContextWithActor(t.Context(), audit.User("1"))
			token, err := audit.MarshalContext(ctx, tt.key, tt.audience, tt.ttl, tt.opts...)
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
			assert.Empty(t, token)
		})
	}
}

// TestMarshalContextCleans: what somebody typed is no reason to lose a job.
func TestMarshalContextCleans(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	bad := attribute.StringValue("a\xff")
	given := []attribute.KeyValue{
		{Key: "good", Value: attribute.StringValue("a")},
		{Key: "list", Value: attribute.StringSliceValue([]string{"a", "\xff"})},
		{Key: "map", Value: attribute.MapValue(attribute.KeyValue{Key: "a", Value: bad})},
		{Key: "slice", Value: attribute.SliceValue(bad, attribute.IntValue(1))},
		{Key: "text", Value: bad},
	}
	ctx, scope := audit.NewScope(t.Context(), audit.WithScopeMetadata(given...), audit.WithScopeMetadata(attribute.Int("text", 1)),
		audit.WithActor(audit.Actor{Type: audit.ActorUser, ID: "1", Name: "n\xff", OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "2", Name: "\xff"}}))
	job, jobScope := carry(ctx, t)
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("1"))))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, jobScope.End(t.Context()))
	want, got := trail.all()[0], trail.all()[1]
	assert.Equal(t, want.Actor, got.Actor)
	assert.Equal(t, want.Metadata, got.Metadata[1:])
	assert.Equal(t, want.Overridden, got.Overridden)
	assert.Equal(t, want.Marked, got.Marked)
	assert.Len(t, got.Marked, 5)
}

// TestUnmarshalContextOptions: what is given there is nearer than the token.
func TestUnmarshalContextOptions(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	request, _ := audit.NewScope(t.Context(), audit.WithActor(audit.User("1")), audit.WithTenant("acme"),
		audit.WithScopeMetadata(attribute.String("a", "request"), attribute.String("secret", "x")))
	none := func(context.Context) (audit.Actor, error) { return audit.Actor{}, nil }
	job, scope := carry(request, t, audit.WithChannel("system"), audit.WithTenant("other"), audit.WithActorFunc(none),
		audit.WithScopeMetadata(attribute.String("a", "job")), audit.WithoutMetadata("secret"))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.Set(audit.WithActor(audit.System("worker"))))
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	r := trail.all()[0]
	assert.Equal(t, audit.User("1"), r.Actor, "the resolver knows nobody")
	assert.Equal(t, "system", r.Channel)
	assert.Equal(t, "other", r.Tenant)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "job"), audit.ContextIDKey.String(scope.ContextID().String())}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "request")}, r.Overridden)
	assert.Equal(t, audit.System("worker"), trail.all()[1].Actor, "by a written choice")
}

// TestUnmarshalContextIsItsOwn: a worker's scope lends a job nothing.
func TestUnmarshalContextIsItsOwn(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	key := contextKey(t, "k1", contextSecret)
	token, err := audit.MarshalContext(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Minute)
	require.NoError(t, err)

	type mine struct{}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx, cancel := context.WithCancel(context.WithValue(trace.ContextWithSpanContext(t.Context(), span), mine{}, "value"))
	defer cancel()
	worker, workerScope := audit.NewScope(ctx, audit.WithActor(audit.System("worker")), audit.WithTenant("other"),
		audit.WithScopeMetadata(attribute.String("worker", "w1")))
	job, scope, err := audit.UnmarshalContext(audit.ContextWithActor(worker, audit.System("inner")), token, "worker", []audit.ContextKey{key})
	require.NoError(t, err)

	a := article("a")
	require.NoError(t, tracker.Track(worker, signal(audit.OperationUpdate, a)))
	require.NoError(t, tracker.Track(job, intent(audit.OperationUpdate, a)))
	require.NoError(t, tracker.Track(job, signal(audit.OperationDelete, a)))
	require.NoError(t, tracker.Track(worker, intent(audit.OperationDelete, a)))
	require.NoError(t, scope.End(t.Context()))
	require.NoError(t, workerScope.End(t.Context()))
	require.Equal(t, []string{"intent intent.update", "intent intent.delete", "signal article.delete", "signal article.update"}, trail.actions())
	r := trail.all()[0]
	assert.Equal(t, audit.User("1"), r.Actor)
	assert.Empty(t, r.Tenant)
	assert.Len(t, r.Metadata, 1)
	assert.Equal(t, span.TraceID(), r.TraceID, "the trace of the message's context")
	assert.Equal(t, audit.User("1"), trail.all()[2].Actor)
	assert.Equal(t, audit.System("worker"), trail.all()[3].Actor)
	assert.Equal(t, "value", job.Value(mine{}))
	cancel()
	require.ErrorIs(t, job.Err(), context.Canceled)

	quiet, _, err := audit.UnmarshalContext(audit.SuppressSignals(t.Context()), token, "worker", []audit.ContextKey{key})
	require.NoError(t, err)
	assert.True(t, audit.SignalsSuppressed(quiet))
}

func TestUnmarshalContextRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, other := contextKey(t, "k1", contextSecret), contextKey(t, "k2", contextSecret+"x")
		impostor := contextKey(t, "k1", strings.ToUpper(contextSecret))
		token, err := audit.MarshalContext(audit.ContextWithActor(t.Context(), audit.User("42")), key, "worker", time.Hour)
		require.NoError(t, err)
		check := func(want error, token, audience string, keys ...audit.ContextKey) {
			t.Helper()
			ctx, scope, err := audit.UnmarshalContext(t.Context(), token, audience, keys)
			if want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, want)
			require.Nil(t, ctx)
			require.Nil(t, scope)
			for _, secret := range []string{contextSecret, "worker", "42", "k1"} {
				require.NotContains(t, err.Error(), secret)
			}
		}
		check(nil, token, "worker", other, key)
		check(nil, token, "worker", impostor, key)
		check(audit.ErrContextForged, token, "worker", impostor)
		check(audit.ErrContextForged, token[:len(token)-1], "worker", key)
		check(audit.ErrContextUnknownKey, token, "worker", other)
		check(audit.ErrContextUnknownKey, token, "worker")
		check(audit.ErrContextUnknownKey, strings.Replace(token, "k1", "", 1), "worker", audit.ContextKey{})
		check(audit.ErrContextAudience, token, "mailer", key)
		check(audit.ErrContextAudience, token, "", key)
		check(audit.ErrContextMalformed, "", "worker", key)
		check(audit.ErrContextMalformed, token+strings.Repeat("A", audit.MaxContextToken), "worker", key)
		time.Sleep(time.Hour + audit.ContextClockSkew - 1) // the bubble's clock
		check(nil, token, "worker", key)
		time.Sleep(time.Nanosecond)
		check(audit.ErrContextExpired, token, "worker", key)
		check(audit.ErrContextAudience, token, "mailer", key)
	})
}

// TestMarshalContextLife: a token lives at least as long as it was asked to.
func TestMarshalContextLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(700 * time.Millisecond)
		key := contextKey(t, "k1", contextSecret)
		token, err := audit.MarshalContext(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Millisecond)
		require.NoError(t, err)
		time.Sleep(audit.ContextClockSkew + time.Millisecond)
		_, _, err = audit.UnmarshalContext(t.Context(), token, "worker", []audit.ContextKey{key})
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, _, err = audit.UnmarshalContext(t.Context(), token, "worker", []audit.ContextKey{key})
		require.ErrorIs(t, err, audit.ErrContextExpired)
	})
}

// TestMarshalContextResolvesOnce: the request's resolver is asked once, and never by
// the job.
func TestMarshalContextResolvesOnce(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	var asked atomic.Int32
	request, scope := audit.NewScope(t.Context(), audit.WithActorFunc(func(context.Context) (audit.Actor, error) {
		asked.Add(1)
		return audit.User("1"), nil
	}))
	for range 3 {
		job, _ := carry(request, t)
		require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	}
	require.NoError(t, scope.End(t.Context()))
	assert.Equal(t, int32(1), asked.Load())
	_, err := audit.MarshalContext(request, contextKey(t, "k1", contextSecret), "worker", time.Minute)
	require.NoError(t, err, "it is known still")
}
