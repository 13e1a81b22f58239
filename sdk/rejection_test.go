package sdk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// A rejection leaves a record of who tried what, and of what was wrong, without the values.
func TestRejection(t *testing.T) {
	t.Parallel()
	rules := withPolicy(t, policy.Rule{Name: "payouts", Actions: []string{"payout.*"}, Require: []string{"reason", "metadata.ticket"}})
	for _, tt := range []struct {
		name   string
		change func(e *audit.Event)
		actor  audit.Actor
		action string
		fields []string
		rule   string
		target audit.Target
	}{
		{"policy", func(e *audit.Event) { e.Action = " Payout.Send" }, audit.User("42"), "payout.send", []string{"reason", "metadata.ticket"}, "payouts", audit.Target{Type: "article", ID: "1"}},
		{"required", func(e *audit.Event) { e.Action = "order.cancel" }, audit.User("42"), "order.cancel", []string{"reason"}, "", audit.Target{Type: "article", ID: "1"}},
		{"no actor", func(e *audit.Event) { e.Actor = audit.Actor{} }, audit.Actor{Type: audit.ActorUnresolved}, "article.update", []string{"actor"}, "", audit.Target{Type: "article", ID: "1"}},
		{"anonymous", func(e *audit.Event) { e.Actor = audit.Anonymous() }, audit.Anonymous(), "article.update", []string{"actor"}, "", audit.Target{Type: "article", ID: "1"}},
		{"a meaningless actor", func(e *audit.Event) { e.Actor = audit.User("") }, audit.Actor{Type: audit.ActorUnresolved}, "article.update", []string{"actor.id"}, "", audit.Target{Type: "article", ID: "1"}},
		{"a chain that is too long", func(e *audit.Event) { e.Action, e.Actor = "", chainOf(12) }, chainOf(record.MaxDelegation), "", []string{"action"}, "", audit.Target{Type: "article", ID: "1"}},
		{"a malformed action", func(e *audit.Event) { e.Action = "pay out!" }, audit.User("42"), "pay_out!", []string{"action"}, "", audit.Target{Type: "article", ID: "1"}},
		{"no action", func(e *audit.Event) { e.Action = "" }, audit.User("42"), "", []string{"action"}, "", audit.Target{Type: "article", ID: "1"}},
		{"a target without a type", func(e *audit.Event) { e.Target = audit.Target{ID: "s3cr3t"} }, audit.User("42"), "article.update", []string{"target.type"}, "", audit.Target{}},
		{"a signal", func(e *audit.Event) { e.Kind, e.Action = audit.KindSignal, "" }, audit.User("42"), "", []string{"action"}, "", audit.Target{Type: "article", ID: "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, sdk.WithSyncer(s), rules, sdk.WithValidation(sdk.WithRequired("order.*", "reason"), sdk.WithActions("*")))
			ctx, scope := audit.NewScope(t.Context(), audit.WithChannel("api"), audit.WithTenant("acme"),
				audit.WithScopeMetadata(attribute.String("client.address", "203.0.113.9")))
			e := with(func(e *audit.Event) {
				e.Target = audit.Target{Type: "article", ID: "1"}
				e.Changes = []audit.Change{{Field: "title", New: attribute.StringValue("s3cr3t")}}
				e.Metadata = []attribute.KeyValue{attribute.String("note", "s3cr3t")}
				tt.change(e)
			})
			require.Error(t, tracker.Track(ctx, e))
			require.NoError(t, scope.End(ctx))
			assert.Empty(t, s.all())
			require.Len(t, s.rejections(), 1)
			r := s.rejections()[0]
			assert.Equal(t, audit.KindSignal, r.Kind)
			assert.Equal(t, audit.OutcomeFailure, r.Outcome)
			assert.Equal(t, tt.actor, r.Actor)
			assert.Equal(t, tt.target, r.Target)
			assert.Equal(t, "api", r.Channel)
			assert.Equal(t, "acme", r.Tenant)
			values := map[attribute.Key]attribute.Value{}
			for _, kv := range r.Metadata {
				values[kv.Key] = kv.Value
			}
			assert.Equal(t, "203.0.113.9", values[semconv.ClientAddressKey].AsString())
			assert.Equal(t, tt.action, values[semconv.RejectedActionKey].AsString())
			assert.Equal(t, tt.fields, values[semconv.RejectedFieldsKey].AsStringSlice())
			assert.Equal(t, tt.rule, values[semconv.RejectedRuleKey].AsString())
			assert.NotEmpty(t, r.Failure)
			text, err := r.AppendJSON(nil)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "s3cr3t")
			var back record.Record
			require.NoError(t, back.UnmarshalJSON(text))
		})
	}
}

// chainOf returns a user who acts for the last of n others.
func chainOf(n int) audit.Actor {
	actor := audit.User("42")
	for last := &actor; n > 0; n-- {
		last.OnBehalfOf = &audit.Actor{Type: audit.ActorService, ID: "7"}
		last = last.OnBehalfOf
	}
	return actor
}

// The error of an actor function is the application's and may contain credentials.
func TestRejectionWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s))
	ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		return audit.Actor{}, errors.New("dial: hunter2")
	}))
	e := valid()
	e.Actor = audit.Actor{}
	require.Error(t, tracker.Track(ctx, e))
	require.Len(t, s.rejections(), 1)
	assert.Equal(t, "audit: the actor function failed with a *errors.errorString", s.rejections()[0].Failure)
}

// TestSignalOfMeaninglessActor: what an actor function returns keeps no signal out of the
// trail, whether it is found when the signal is tracked or at the end of the scope.
func TestSignalOfMeaninglessActor(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s))
	signal := with(func(e *audit.Event) { e.Kind, e.Actor = audit.KindSignal, audit.Actor{} })
	meaningless := audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.User(""), nil })

	ctx, scope := audit.NewScope(t.Context(), meaningless)
	require.NoError(t, tracker.Track(ctx, signal))
	require.NoError(t, scope.End(ctx))
	ctx, scope = audit.NewScope(t.Context())
	require.NoError(t, tracker.Track(ctx, signal))
	require.NoError(t, scope.Set(meaningless))
	require.NoError(t, scope.End(ctx))
	require.Len(t, s.everything(), 2)
	for _, r := range s.all() {
		assert.Equal(t, audit.Actor{Type: audit.ActorUnresolved}, r.Actor)
	}
	signal.Actor = audit.User("")
	require.Error(t, tracker.Track(t.Context(), signal), "the signal's own")
}

// TestSignalOfInnerScope: the actor of an outer scope is not that of a signal for which an inner
// scope could not find one.
func TestSignalOfInnerScope(t *testing.T) {
	t.Parallel()
	unresolved, job := audit.Actor{Type: audit.ActorUnresolved}, audit.System("job")
	finds := func(a audit.Actor, err error) audit.ScopeOption {
		return audit.WithActor(func(context.Context) (audit.Actor, error) { return a, err })
	}
	for _, tt := range []struct {
		name  string
		inner []audit.ScopeOption
		late  bool // the outer scope gets its actor when the inner one has ended
		want  audit.Actor
	}{
		{"nobody", []audit.ScopeOption{finds(audit.Actor{}, nil)}, false, unresolved},
		{"an error", []audit.ScopeOption{finds(audit.Actor{}, errBroken)}, false, unresolved},
		{"an error of the principal", []audit.ScopeOption{audit.WithOnBehalfOf(func(context.Context, audit.Actor) (audit.Actor, error) {
			return audit.Actor{}, errBroken
		})}, false, unresolved},
		{"nobody, and the outer one later", []audit.ScopeOption{finds(audit.Actor{}, nil)}, true, unresolved},
		{"nobody, in another order", []audit.ScopeOption{finds(audit.Actor{}, nil)}, false, unresolved},
		{"whoever acts outside", []audit.ScopeOption{finds(audit.Actor{}, plumbing.ErrInherit)}, false, job},
		{"whoever acts outside, later", []audit.ScopeOption{finds(audit.Actor{}, plumbing.ErrInherit)}, true, job},
		{"no function", nil, true, job},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, sdk.WithSyncer(s))
			outer, outerScope := audit.NewScope(t.Context())
			if !tt.late {
				require.NoError(t, outerScope.Set(audit.AsActor(job)))
			}
			inner, innerScope := audit.NewScope(outer, tt.inner...)
			middle, middleScope := audit.NewScope(inner) // knows no better
			require.NoError(t, tracker.Track(middle, with(func(e *audit.Event) { e.Kind, e.Actor = audit.KindSignal, audit.Actor{} })))
			scopes := []*audit.Scope{middleScope, innerScope}
			if strings.HasSuffix(tt.name, "in another order") {
				slices.Reverse(scopes)
			}
			for _, scope := range scopes {
				require.NoError(t, scope.End(inner))
			}
			require.NoError(t, outerScope.Set(audit.AsActor(job)))
			require.NoError(t, outerScope.End(outer))
			assert.Equal(t, tt.want, s.one(t).Actor)
		})
	}
}

// What could not be delivered was not rejected, and a processor that drops a record means
// it.
func TestNoRejection(t *testing.T) {
	t.Parallel()
	fails := true
	s := &sink{export: func(context.Context, []*record.Record) error {
		if fails {
			return errBroken
		}
		return nil
	}}
	drop := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		if r.Action == "drop.me" {
			return nil
		}
		return next(ctx, r)
	})
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(drop))
	require.Error(t, tracker.Track(t.Context(), valid()))
	err := tracker.Track(t.Context(), with(func(e *audit.Event) { e.Action = "" }))
	require.ErrorContains(t, err, "the rejection was not recorded")
	_, isInvalid := errors.AsType[*audit.ValidationError](err)
	assert.True(t, isInvalid)
	fails = false
	require.ErrorIs(t, tracker.Track(t.Context(), with(func(e *audit.Event) { e.Action = "drop.me" })), sdk.ErrDropped)
	assert.Empty(t, s.everything())
}

// A crowd of rejections is folded within the budget of its party.
func TestRejectionsAreFolded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithFolding(10, time.Minute))
		for range 1000 {
			require.Error(t, tracker.Track(t.Context(), with(func(e *audit.Event) { e.Target = audit.Target{ID: "x"} })))
		}
		assert.Len(t, s.everything(), 11)
	})
}

// What has been done is recorded with marks for what it lacks, covers its signals, and is
// reported.
func TestAfterwards(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithValidation(sdk.WithRequired("article.*", "tenant")), withPolicy(t, policy.Rule{
		Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket"}, RequireActorTypes: []string{"service"},
	}))
	ctx, scope := audit.NewScope(t.Context())
	done := with(func(e *audit.Event) {
		e.Operation, e.Target, e.Reason = audit.OperationUpdate, audit.Target{Type: "article", ID: "1"}, " \u200b"
	})
	signal := done
	signal.Kind = audit.KindSignal
	require.NoError(t, tracker.Track(ctx, signal))
	err := tracker.Track(plumbing.Afterwards(ctx), done)
	require.NoError(t, scope.End(ctx))

	unmet, ok := errors.AsType[*sdk.PolicyError](err)
	require.True(t, ok, "%v", err)
	assert.True(t, unmet.Recorded)
	assert.Len(t, unmet.Problems, 4)
	assert.Contains(t, err.Error(), "which was recorded")
	assert.Empty(t, s.rejections())
	r := s.one(t)
	assert.Equal(t, audit.KindIntent, r.Kind)
	assert.Equal(t, []mark.Mark{
		{Path: "actor.type", Kind: mark.PolicyUnmet},
		{Path: "metadata.ticket", Kind: mark.PolicyUnmet},
		{Path: "reason", Kind: mark.PolicyUnmet},
		{Path: "tenant", Kind: mark.PolicyUnmet},
	}, r.Marks)

	// What is meaningless is rejected all the same.
	require.Error(t, tracker.Track(plumbing.Afterwards(ctx), with(func(e *audit.Event) { e.Action = "" })))
	assert.Len(t, s.rejections(), 1)
}

// Check says before the action what Track would reject.
func TestCheck(t *testing.T) {
	t.Parallel()
	rules := withPolicy(t, policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket", "outcome", "changes"}})
	next := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error { return next(ctx, r) })
	only := func(fields ...string) func(string) bool {
		return func(field string) bool { return strings.Contains(strings.Join(fields, " "), field) }
	}
	for _, tt := range []struct {
		name   string
		opts   []sdk.Option
		change func(e *audit.Event)
		final  func(string) bool
		fields []string
	}{
		{"nothing is missing", nil, func(e *audit.Event) {
			e.Reason, e.Metadata = "spam", []attribute.KeyValue{attribute.String("ticket", "T-1")}
		}, nil, nil},
		{"all", nil, func(*audit.Event) {}, nil, []string{"reason", "metadata.ticket"}},
		{"those that are final", nil, func(*audit.Event) {}, only("reason"), []string{"reason"}},
		{"none is final", nil, func(*audit.Event) {}, only("target"), nil},
		{"a processor may add metadata", []sdk.Option{sdk.WithProcessor(next)}, func(*audit.Event) {}, nil, []string{"reason"}},
		{"no actor", nil, func(e *audit.Event) { e.Actor = audit.Actor{} }, nil, []string{"actor"}},
		{"an actor that is final", nil, func(e *audit.Event) { e.Actor = audit.Actor{} }, only("actor"), []string{"actor"}},
		{"an anonymous actor that is final", nil, func(e *audit.Event) { e.Actor = audit.Anonymous() }, only("actor"), []string{"actor"}},
		{"an anonymous actor that is not", nil, func(e *audit.Event) { e.Actor = audit.Anonymous() }, only("target"), nil},
		{"no actor yet", nil, func(e *audit.Event) { e.Actor = audit.Actor{} }, only("reason"), []string{"reason"}},
		{"an action that is always rejected", nil, func(e *audit.Event) { e.Action = "bad!" }, only("action"), []string{"action"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, append(tt.opts, sdk.WithSyncer(s), rules)...)
			e := with(func(e *audit.Event) {
				e.Action, e.Outcome, e.ID = "article.update", audit.OutcomeUnknown, audit.NewID()
				e.Attempt = e.ID
				tt.change(e)
			})
			err := plumbing.Check(t.Context(), tracker, e, tt.final)
			assert.Empty(t, s.all(), "the event is not recorded")
			if tt.fields == nil {
				require.NoError(t, err)
				assert.Empty(t, s.rejections())
				return
			}
			require.Error(t, err)
			require.Len(t, s.rejections(), 1)
			for _, kv := range s.rejections()[0].Metadata {
				if kv.Key == semconv.RejectedFieldsKey {
					assert.Equal(t, tt.fields, kv.Value.AsStringSlice())
				}
			}
		})
	}
}

// What no rule can reject is not looked at: a route with a target in its path must not pay for
// an actor before its handler needs one.
func TestCheckOfNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field string
		asks  bool
	}{
		{"target", false},
		{"metadata.ticket", true}, // by WithRequired
		{"reason", true},          // by the policy
		{"actor", true},
	} {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			tracker := newTracker(t, sdk.WithSyncer(&sink{}), sdk.WithValidation(sdk.WithRequired("payout.*", "metadata.ticket")),
				withPolicy(t, policy.Rule{Name: "r", Actions: []string{"payout.*"}, Require: []string{"reason"}}))
			asked := false
			ctx, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
				asked = true
				return audit.User("42"), nil
			}))
			defer func() { assert.NoError(t, scope.End(ctx)) }()
			e := audit.Event{ID: audit.NewID(), Action: "article.update"}
			require.NoError(t, plumbing.Check(ctx, tracker, e, func(field string) bool { return field == tt.field }))
			assert.Equal(t, tt.asks, asked)
		})
	}
}
