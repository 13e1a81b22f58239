package sdk_test

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestNobodyKeepsAnEventOut tracks what a client may choose.
func TestNobodyKeepsAnEventOut(t *testing.T) {
	t.Parallel()
	circular := audit.User("1")
	circular.OnBehalfOf = &circular
	long := strings.Repeat("x", 70<<10)
	marked := func(path string, kind mark.Kind) func(t *testing.T, r *record.Record) {
		return func(t *testing.T, r *record.Record) {
			t.Helper()
			for _, m := range r.Marks {
				if m.Path == path && m.Kind == kind {
					return
				}
			}
			assert.Fail(t, "no mark", "%s %s in %v", path, kind, r.Marks)
		}
	}
	for name, tt := range map[string]struct {
		change func(e *audit.Event)
		check  func(t *testing.T, r *record.Record)
	}{
		"a long reason": {func(e *audit.Event) { e.Reason = long }, func(t *testing.T, r *record.Record) {
			assert.True(t, strings.HasPrefix(long, r.Reason))
			assert.Equal(t, []mark.Mark{{Path: "reason", Kind: mark.Cut, Length: 70 << 10, SHA256: sha256.Sum256([]byte(long))}}, r.Marks)
		}},
		"the hash of the redacted text": {func(e *audit.Event) { e.Reason = "card 4111111111111111, " + long }, func(t *testing.T, r *record.Record) {
			require.Len(t, r.Marks, 1)
			assert.Equal(t, sha256.Sum256([]byte("card "+record.RedactedText+", "+long)), r.Marks[0].SHA256)
		}},
		"a long change": {func(e *audit.Event) {
			e.Changes = []audit.Change{{Field: "body", Old: attribute.StringValue("a"), New: attribute.StringValue(long)}}
		}, marked("changes.body", mark.Cut)},
		"a megabyte and more": {func(e *audit.Event) { e.Reason = strings.Repeat("so many words ", 100_000) }, marked("reason", mark.Unread)},
		"a megabyte of bytes": {
			func(e *audit.Event) { e.Metadata = []attribute.KeyValue{attribute.ByteSlice("k", make([]byte, 1<<20))} },
			marked("metadata.k", mark.Cut),
		},
		"a megabyte of numbers": {
			func(e *audit.Event) {
				e.Metadata = []attribute.KeyValue{attribute.Float64Slice("k", make([]float64, 1<<17))}
			},
			marked("metadata.k", mark.Dropped),
		},
		"400 keys": {func(e *audit.Event) { e.Metadata = manyKeys(400) }, func(t *testing.T, r *record.Record) {
			require.Len(t, r.Metadata, 256)
			assert.EqualValues(t, "key0", r.Metadata[0].Key)
			assert.Equal(t, []mark.Mark{{Path: "metadata", Kind: mark.Dropped, Count: 144}}, r.Marks)
		}},
		"a repeated key": {func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{attribute.String("k", "first"), attribute.Int("x", 1), attribute.String("k", "last")}
		}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, []attribute.KeyValue{attribute.String("k", "last"), attribute.Int("x", 1)}, r.Metadata)
			assert.Equal(t, []mark.Mark{{Path: "metadata.k", Kind: mark.Repeated}}, r.Marks)
		}},
		"a key repeated among many": {func(e *audit.Event) { e.Metadata = append(manyKeys(400), attribute.Int("key7", -1)) }, func(t *testing.T, r *record.Record) {
			assert.Contains(t, r.Metadata, attribute.Int("key7", -1))
			assert.Len(t, r.Marks, 2)
		}},
		"a key repeated in a map": {func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{attribute.Map("k", attribute.Int("a", 1), attribute.Int("a", 2))}
		}, marked("metadata.k.a", mark.Repeated)},
		"40 levels": {func(e *audit.Event) { e.Metadata = []attribute.KeyValue{{Key: "k", Value: nested(40)}} }, marked("metadata.k"+strings.Repeat("[0]", 32), mark.Replaced)},
		"10,000 levels": {
			func(e *audit.Event) { e.Changes = []audit.Change{{Field: "f", Old: nested(10_000)}} },
			marked("changes.f"+strings.Repeat("[0]", 32), mark.Replaced),
		},
		"an empty key": {func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{attribute.String("", "a"), attribute.Map("m", attribute.Int("", 1))}
		}, func(t *testing.T, r *record.Record) { assert.Len(t, r.Metadata, 2) }},
		"a key with control characters": {func(e *audit.Event) { e.Metadata = []attribute.KeyValue{attribute.String("a\nb", "c")} }, func(t *testing.T, r *record.Record) {
			assert.Equal(t, []attribute.KeyValue{attribute.String(`a\x0ab`, "c")}, r.Metadata)
		}},
		"a long key": {
			func(e *audit.Event) { e.Metadata = []attribute.KeyValue{attribute.Int(strings.Repeat("k", 257), 1)} },
			marked("metadata[257 bytes]", mark.Cut),
		},
		"a change without a field": {func(e *audit.Event) { e.Changes = []audit.Change{{New: attribute.StringValue("x")}} }, func(t *testing.T, r *record.Record) {
			assert.Len(t, r.Changes, 1)
		}},
		"a Latin-1 login name": {func(e *audit.Event) { e.Actor.ID = "jos\xe9" }, func(t *testing.T, r *record.Record) {
			assert.Equal(t, `jos\xe9`, r.Actor.ID)
			assert.Equal(t, []mark.Mark{{Path: "actor.id", Kind: mark.Escaped}}, r.Marks)
		}},
		"a long actor": {func(e *audit.Event) { e.Actor.ID = long }, marked("actor.id", mark.Cut)},
		"a role, a method, a type and a tenant that are not text": {func(e *audit.Event) {
			e.Actor.Roles, e.Actor.AuthMethod, e.Target.Type, e.Tenant = []string{"ok", "a\nb"}, "\xff", "\xff", "a\x1b"
		}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, []string{"ok", `a\x0ab`}, r.Actor.Roles)
			assert.Equal(t, []string{`\xff`, `\xff`, `a\x1b`}, []string{r.Actor.AuthMethod, r.Target.Type, r.Tenant})
		}},
		"a change that only bytes show": {func(e *audit.Event) {
			e.Changes = []audit.Change{{Field: "f", Old: attribute.StringValue("\xff"), New: attribute.StringValue("\xfe")}}
		}, func(t *testing.T, r *record.Record) {
			assert.NotEqual(t, r.Changes[0].Old, r.Changes[0].New)
		}},
		"circular delegation": {func(e *audit.Event) { e.Actor = circular }, marked("actor"+strings.Repeat(".on_behalf_of", 9), mark.Dropped)},
		"100,000 changes": {func(e *audit.Event) {
			for n := range 100_000 {
				e.Changes = append(e.Changes, audit.Change{Field: strconv.Itoa(n), New: attribute.IntValue(n)})
			}
		}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, "0", r.Changes[0].Field)
			dropped := int64(0)
			for _, m := range r.Marks {
				dropped += m.Count
			}
			assert.EqualValues(t, 100_000, dropped+int64(len(r.Changes)))
			assert.Greater(t, len(r.Changes), 1000)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			require.NoError(t, newTracker(t, sdk.WithSyncer(s)).Track(t.Context(), with(tt.change)))
			r := s.one(t)
			tt.check(t, r)
			b, err := r.AppendJSON(nil)
			require.NoError(t, err)
			assert.LessOrEqual(t, len(b), record.MaxSize)
			var back record.Record
			require.NoError(t, back.UnmarshalJSON(b))
		})
	}
}

// TestMetadataLimit: the scope's metadata comes first, but leaves half to the event.
func TestMetadataLimit(t *testing.T) {
	t.Parallel()
	keys := func(prefix string, n int) []attribute.KeyValue {
		kvs := make([]attribute.KeyValue, n)
		for i := range kvs {
			kvs[i] = attribute.Int(prefix+strconv.Itoa(i), i)
		}
		return kvs
	}
	for _, tt := range []struct{ event, scope, wantEvent, wantScope int }{
		{3, 3, 3, 3}, {3, 7, 3, 7}, {4, 7, 3, 7}, {20, 3, 7, 3}, {20, 7, 5, 5}, {20, 20, 5, 5}, {2, 20, 2, 8},
	} {
		s := &sink{}
		ctx, scope := audit.NewScope(t.Context(), audit.WithScopeMetadata(keys("scope", tt.scope)...))
		e := with(func(e *audit.Event) { e.Metadata = keys("event", tt.event) })
		require.NoError(t, newTracker(t, sdk.WithSyncer(s), sdk.WithValidation(sdk.WithMaxMetadata(10))).Track(ctx, e))
		require.NoError(t, scope.End(ctx))
		r := s.one(t)
		var events, scopes int
		for _, kv := range r.Metadata {
			if strings.HasPrefix(string(kv.Key), "event") {
				events++
			} else {
				scopes++
			}
		}
		assert.LessOrEqual(t, events+scopes, 10)
		assert.GreaterOrEqual(t, events, min(tt.event, 10-tt.scope, 5))
		dropped := int64(0)
		for _, m := range r.Marks {
			dropped += m.Count
		}
		assert.EqualValues(t, tt.event+tt.scope, dropped+int64(len(r.Metadata)))
	}
}

// TestSignalsNeedNoPermission: nobody chooses who a signal's actor is.
func TestSignalsNeedNoPermission(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s))
	e := with(func(e *audit.Event) { e.Kind, e.Actor = audit.KindSignal, audit.Actor{} })
	require.NoError(t, tracker.Track(audit.ContextWithActor(t.Context(), audit.Anonymous()), e))

	anonymous := func(context.Context) (audit.Actor, error) { return audit.Anonymous(), nil }
	ctx, scope := audit.NewScope(t.Context(), audit.WithActor(anonymous))
	require.NoError(t, tracker.Track(ctx, e))
	require.NoError(t, scope.End(ctx))
	require.Len(t, s.all(), 2)
	for _, r := range s.all() {
		assert.Equal(t, audit.ActorAnonymous, r.Actor.Type)
	}
	e.Kind = audit.KindIntent
	require.ErrorIs(t, tracker.Track(audit.ContextWithActor(t.Context(), audit.Anonymous()), e), policy.ErrAnonymousNotAllowed)
}

// TestHeldSignalsFit: a signal that a scope held, with a processor's addition.
func TestHeldSignalsFit(t *testing.T) {
	t.Parallel()
	s := &sink{}
	add := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		r.Metadata = append(r.Metadata, attribute.String("a\xff", strings.Repeat("\xff", 70<<10)), attribute.Int("a\xff", 1))
		r.Marks = append(r.Marks, mark.Mark{Path: "\xff", Kind: "No Kind"})
		return next(ctx, r)
	})
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(add))
	ctx, scope := audit.NewScope(t.Context())
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.Kind, e.Target.ID = audit.KindSignal, "1\xff" })))
	require.NoError(t, scope.End(ctx))
	r := s.one(t)
	assert.Equal(t, `1\xff`, r.Target.ID)
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(b), record.MaxSize)
}
