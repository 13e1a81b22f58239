package sdk_test

import (
	"context"
	"errors"
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

// withPolicy returns the option for valid rules.
func withPolicy(t testing.TB, rules ...policy.Rule) sdk.Option {
	t.Helper()
	p, err := policy.New(rules...)
	require.NoError(t, err)
	return sdk.WithPolicy(p)
}

func TestPolicyRejects(t *testing.T) {
	t.Parallel()
	rules := withPolicy(t,
		policy.Rule{Name: "drafts", Targets: []string{"draft"}},
		policy.Rule{
			Name: "updates", Actions: []string{"article.update", "user.login"}, Channels: []string{"admin"},
			Require: []string{"reason", "metadata.ticket"}, RequireActorTypes: []string{"user", "anonymous"},
		},
		policy.Rule{Name: "known", Actions: []string{"article.delete", "user.login"}, RejectAnonymous: true},
	)
	for _, tt := range []struct {
		name    string
		channel string
		change  func(e *audit.Event)
		rule    string // the rule that rejects the event
		fields  []string
		is      error
	}{
		{"lacks all", "admin", func(e *audit.Event) { e.Actor = audit.Service("s3cr3t") }, "updates", []string{"actor.type", "reason", "metadata.ticket"}, nil},
		{"lacks one", "admin", func(e *audit.Event) { e.Reason = "s3cr3t" }, "updates", []string{"metadata.ticket"}, nil},
		{"lacks nothing", "admin", func(e *audit.Event) {
			e.Reason, e.Metadata = "r", []attribute.KeyValue{attribute.String("ticket", "1"), attribute.String("a", "1")}
		}, "", nil, nil},
		{"another channel", "api", func(*audit.Event) {}, "", nil, nil},
		{"meets an earlier rule", "admin", func(e *audit.Event) { e.Target.Type = "draft" }, "", nil, nil},
		{"anonymous, which is allowed", "api", func(e *audit.Event) { e.Actor = audit.Anonymous() }, "", nil, nil},
		{"anonymous, which the rule rejects", "api", func(e *audit.Event) { e.Action, e.Actor = "article.delete", audit.Anonymous() }, "known", nil, policy.ErrAnonymousNotAllowed},
		{"a failed login", "api", func(e *audit.Event) {
			e.Action, e.Actor, e.Operation, e.Outcome = "user.login", audit.Anonymous(), audit.OperationLogin, audit.OutcomeDenied
		}, "", nil, nil},
		{"validation comes first", "admin", func(e *audit.Event) { e.Target = audit.Target{ID: "x"} }, "", []string{"target.type"}, nil},
		{"a signal", "admin", func(e *audit.Event) { e.Kind, e.Actor = audit.KindSignal, audit.System("s") }, "", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			ctx, scope := audit.NewScope(t.Context(), audit.WithChannel(tt.channel))
			err := newTracker(t, sdk.WithSyncer(s), sdk.WithAnonymous("*"), rules).Track(ctx, with(tt.change))
			require.NoError(t, scope.End(t.Context()))
			if tt.fields == nil && tt.is == nil {
				require.NoError(t, err)
				s.one(t)
				return
			}
			require.Error(t, err)
			assert.Empty(t, s.all())
			assert.Len(t, s.rejections(), 1)
			assert.NotContains(t, err.Error(), "s3cr3t")
			policyErr, ok := errors.AsType[*sdk.PolicyError](err)
			require.Equal(t, tt.rule != "", ok)
			invalid, _ := errors.AsType[*audit.ValidationError](err)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
				assert.Equal(t, tt.rule, policyErr.Rule)
				return
			}
			assert.Equal(t, tt.fields[0], invalid.Field)
			if ok {
				assert.Equal(t, tt.rule, policyErr.Rule)
				assert.Len(t, policyErr.Problems, len(tt.fields))
			}
		})
	}
	admin, _ := audit.NewScope(t.Context(), audit.WithChannel("admin"))
	err := newTracker(t, sdk.WithSyncer(&sink{}), rules).Track(admin, with(func(e *audit.Event) { e.Actor = audit.Service("cron") }))
	assert.EqualError(t, err, `sdk: policy rule "updates" rejects the event: audit: actor.type: it must be user or anonymous for this action; `+
		`audit: reason: it is required for this action; audit: metadata.ticket: it is required for this action`)
}

// TestPolicyRejectedIntentCoversNoSignal tests that the signal is recorded if the intent is
// rejected.
func TestPolicyRejectedIntentCoversNoSignal(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s), withPolicy(t, policy.Rule{Name: "r", Require: []string{"reason"}}))
	ctx, scope := audit.NewScope(t.Context())
	require.Error(t, tracker.Track(ctx, valid()))
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.Kind, e.Action = audit.KindSignal, "db.update" })))
	require.NoError(t, scope.End(t.Context()))
	assert.Equal(t, "db.update", s.one(t).Action)
}

// TestPolicyAttempt tests that outcome and changes are required of the end of an attempt,
// not of its beginning.
func TestPolicyAttempt(t *testing.T) {
	t.Parallel()
	required := []string{"reason", "outcome", "changes", "metadata.ticket"}
	for name, opt := range map[string]sdk.Option{
		"policy":   withPolicy(t, policy.Rule{Name: "r", Require: required}),
		"required": sdk.WithValidation(sdk.WithRequired("*", required...)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, sdk.WithSyncer(s), opt)
			e := with(func(e *audit.Event) { e.Outcome, e.Reason = audit.OutcomeUnknown, "due" })
			field := func(err error) string {
				invalid, ok := errors.AsType[*audit.ValidationError](err)
				require.True(t, ok, "%v", err)
				return invalid.Field
			}
			_, err := audit.Begin(t.Context(), tracker, e)
			assert.Equal(t, "metadata.ticket", field(err))
			e.Metadata = []attribute.KeyValue{attribute.String("ticket", "T-1")}
			attempt, err := audit.Begin(t.Context(), tracker, e)
			require.NoError(t, err)

			end := audit.Event{Changes: []audit.Change{{Field: "state", New: attribute.StringValue("sent")}}, Metadata: e.Metadata}
			assert.Equal(t, "outcome", field(attempt.Finish(t.Context(), end)))
			end.Outcome, end.Changes = audit.OutcomeSuccess, nil
			assert.Equal(t, "changes", field(attempt.Finish(t.Context(), end)))
			end.Changes, end.Metadata = []audit.Change{{Field: "state"}}, nil
			require.NoError(t, attempt.Finish(t.Context(), end), "the end inherits the metadata")
			assert.Len(t, s.all(), 2)
		})
	}
}

// TestPolicyDo: what Do has done is recorded, although nobody can give it the changes that
// the policy requires.
func TestPolicyDo(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s), withPolicy(t, policy.Rule{Name: "r", Require: []string{"changes"}}))
	called := false
	err := audit.Do(t.Context(), tracker, with(func(e *audit.Event) { e.Outcome = audit.OutcomeUnknown }), func(context.Context) error {
		called = true
		return nil
	})
	assert.True(t, called)
	unmet, ok := errors.AsType[*sdk.PolicyError](err)
	require.True(t, ok, "%v", err)
	assert.True(t, unmet.Recorded)
	require.Len(t, s.all(), 2)
	assert.Equal(t, audit.OutcomeSuccess, s.all()[1].Outcome)
	assert.Equal(t, []mark.Mark{{Path: "changes", Kind: mark.PolicyUnmet}}, s.all()[1].Marks)
	assert.Empty(t, s.rejections())
}

// changedArticle returns an event with changes. The name of one field contains a secret.
func changedArticle(action string) audit.Event {
	return with(func(e *audit.Event) {
		e.Action = action
		e.Changes = []audit.Change{
			{Field: "title", Old: attribute.StringValue("s3cr3t"), New: attribute.StringValue("s3cr3t")},
			{Field: "password", New: attribute.StringValue("s3cr3t")},
			{Field: "labels.a Bearer abcdefghijklmnopqrstuvwxyz0123456789", New: attribute.IntValue(1)},
			{Field: "labels.\x00", Old: attribute.IntValue(1)},
			{Field: "body", Old: attribute.StringValue("***REDACTED***"), New: attribute.StringValue("***REDACTED***"), Redacted: true},
		}
		e.Metadata = []attribute.KeyValue{attribute.String("token", "s3cr3t")}
	})
}

func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	now, later, stored := &sink{name: "now"}, &sink{name: "later"}, &sink{name: "stored"}
	p := newProvider(t, sdk.WithSyncer(now), sdk.WithBatcher(later), sdk.WithLedger(dir, sdk.ExportTo(stored)), withPolicy(t,
		policy.Rule{Name: "fields", Actions: []string{"article.fields"}, Changes: policy.ChangesFields},
		policy.Rule{Name: "some", Actions: []string{"article.some"}, Changes: policy.ChangesOmitted},
		policy.Rule{Name: "all", Actions: []string{"article.all"}, Changes: policy.ChangesFull},
	))
	tracker := p.Tracker("test")
	for _, action := range []string{"article.fields", "article.some", "article.all", "article.other"} {
		require.NoError(t, tracker.Track(t.Context(), changedArticle(action)))
	}
	without := with(func(e *audit.Event) { e.Action = "article.some" })
	require.NoError(t, tracker.Track(t.Context(), without))
	without.Action = "article.fields"
	require.NoError(t, tracker.Track(t.Context(), without))
	require.NoError(t, p.ForceFlush(t.Context()))

	for _, s := range []*sink{now, later, stored} {
		all := s.all()
		require.Len(t, all, 6)
		fields, some := all[0], all[1]
		require.Len(t, fields.Changes, 5)
		for _, c := range fields.Changes {
			assert.Equal(t, audit.Change{Field: c.Field, Redacted: true}, c)
		}
		assert.Equal(t, "title", fields.Changes[0].Field)
		assert.Equal(t, "labels.a Bearer ***REDACTED***", fields.Changes[2].Field, "the name of a field is redacted too")
		assert.Equal(t, []string{
			"changes.body", "changes.field", `changes.labels.\x00`, "changes.password", "changes.title", "changes[30 bytes]", "metadata.token",
		}, fields.Redacted)
		assert.Empty(t, some.Changes)
		assert.Equal(t, []string{"changes", "metadata.token"}, some.Redacted)
		assert.Empty(t, some.Marks, "a mark would name the field")
		assert.Equal(t, "s3cr3t", all[2].Changes[0].Old.AsString())
		assert.Equal(t, "s3cr3t", all[3].Changes[0].Old.AsString())
		for _, r := range all[4:] {
			assert.Empty(t, r.Changes)
			assert.Empty(t, r.Redacted, "there were no changes")
		}
		for _, r := range all[:2] {
			text, err := r.AppendJSON(nil)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "s3cr3t")
			var back record.Record
			require.NoError(t, back.UnmarshalJSON(text))
			assert.Equal(t, r.Changes, back.Changes)
			assert.Equal(t, r.Redacted, back.Redacted)
		}
	}
}

// TestPolicySignals tests that a policy applies to a signal when its scope ends, with the
// actor that the scope has found by then.
func TestPolicySignals(t *testing.T) {
	t.Parallel()
	users, others := &sink{name: "users"}, &sink{name: "others"}
	tracker := newTracker(t, sdk.WithSyncer(users), sdk.WithSyncer(others), withPolicy(t,
		policy.Rule{Name: "users", ActorTypes: []string{"user"}, Changes: policy.ChangesOmitted, Exporters: []string{"users"}},
		policy.Rule{Name: "nobody", ActorTypes: []string{"unresolved"}, Changes: policy.ChangesFields, Exporters: []string{"others"}},
	))
	signal := with(func(e *audit.Event) {
		e.Kind, e.Actor = audit.KindSignal, audit.Actor{}
		e.Changes = []audit.Change{{Field: "title", New: attribute.StringValue("New")}}
	})
	for _, actor := range []audit.Actor{audit.User("42"), {}} {
		ctx, scope := audit.NewScope(t.Context())
		require.NoError(t, tracker.Track(ctx, signal))
		if !actor.IsZero() {
			require.NoError(t, audit.SetActor(ctx, actor))
		}
		require.NoError(t, scope.End(t.Context()))
	}
	assert.Equal(t, []string{"changes"}, users.one(t).Redacted)
	assert.Equal(t, []string{"changes.title"}, others.one(t).Redacted)
}
