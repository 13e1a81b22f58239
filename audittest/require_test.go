package audittest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	requireOne := func(conditions ...audittest.Matcher) string {
		tb := &fakeTB{}
		r := recorder.RequireRecord(tb, conditions...)
		assert.Equal(t, r == nil, tb.fatal)
		return tb.message(t)
	}
	requireNone := func(conditions ...audittest.Matcher) string {
		tb := &fakeTB{}
		recorder.RequireNoRecord(tb, conditions...)
		return tb.message(t)
	}
	action, target := audittest.Action, audittest.Target

	assert.Empty(t, requireNone())
	assert.Empty(t, requireNone(action("article.update")))
	assert.Equal(t,
		"audittest: want one record with action article.update, got 0:"+
			" nothing was recorded. A scope records its signals when it ends.",
		requireOne(action("article.update")))

	require.NoError(t, tracker.Track(t.Context(), update()))
	assert.Empty(t, requireOne())
	require.NoError(t, tracker.Track(t.Context(), audit.Event{Action: "article.purge", Actor: audit.System("nightly-purge"), Kind: audit.KindSignal}))
	const rest = `, changed ["title"], reason "a \"typo\"\nof mine"`

	assert.Equal(t, `audittest: want one record, got 2:
   1. article.update, success, by user "42", on article "1001"`+rest+`
   2. article.purge, signal, unknown, by system "nightly-purge"`, requireOne())
	assert.Equal(t, strings.Replace(requireOne(), "one", "no", 1), requireNone())
	assert.Equal(t, `audittest: want one record with action article.create, got 0:
   1. article.update != article.create, success, by user "42", on article "1001"`+rest+`
   2. article.purge != article.create, signal, unknown, by system "nightly-purge"`, requireOne(action("article.create")))
	assert.Equal(t, `audittest: want no record with action article.update and target article "1001", got 1:
>  1. article.update, success, by user "42", on article "1001"`+rest+`
   2. article.purge != article.update, signal, unknown, by system "nightly-purge", on none != article "1001"`,
		requireNone(action("Article.Update"), target("article", "1001")))
	assert.Empty(t, requireNone(action("article.create")))
	assert.Empty(t, requireNone(action("article")))
	assert.Empty(t, requireNone(action("article.update"), target("article", "1002")))
	assert.Empty(t, requireOne(action(" Article.Update")), "actions are normalized")

	assert.Equal(t, `audittest: want one record with action article.update, target article "hello" and outcome failure, got 0:
>  1. article.update, success != failure, by user "42", on article "1001" != article "hello"`+rest+`
   2. article.purge != article.update, signal, unknown != failure, by system "nightly-purge", on none != article "hello"`,
		requireOne(action("article.update"), target("article", "hello"), audittest.Outcome(audit.OutcomeFailure)))
	assert.Equal(t, `audittest: want one record with kind not signal and action article.purge, got 0:
   1. article.update != article.purge, success, by user "42", on article "1001"`+rest+`
   2. article.purge, signal != not signal, unknown, by system "nightly-purge"`,
		requireOne(audittest.Not(audittest.Kind(audit.KindSignal)), action("article.purge")), "both are equally close")
	assert.Contains(t, requireOne(audittest.Tenant("acme"), audittest.Reason(strings.Repeat("x", 1000))),
		`of mine" != "`+strings.Repeat("x", 199)+`..., tenant "" != "acme"`, "what no line has by itself, and what is long")

	require.NoError(t, tracker.Track(t.Context(), update()))
	assert.Contains(t, requireOne(action("article.update")),
		"want one record with action article.update, got 2:\n>  1. article.update")
}

// TestAttempts checks that a line says what a record is to an attempt.
func TestAttempts(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	send := audit.Event{Action: "payout.send", Target: audit.Target{Type: "payout", ID: "7"}}
	require.NoError(t, audit.Do(ctx, tracker, send, func(context.Context) error { return nil }))
	recorder.RequireRecord(t, audittest.AttemptBegun())
	recorder.RequireRecord(t, audittest.AttemptFinished(), audittest.Outcome(audit.OutcomeSuccess))
	recorder.RequireNoRecord(t, audittest.AttemptLeftOpen())

	_, err := audit.Begin(ctx, tracker, send)
	require.NoError(t, err)
	recorder.RequireRecord(t, audittest.AttemptLeftOpen())
	require.NoError(t, tracker.Track(ctx, send))
	tb := &fakeTB{}
	recorder.RequireRecord(tb, audittest.AttemptBegun())
	assert.Equal(t, `audittest: want one record with attempt begun, got 2:
>  1. payout.send, attempt begun, unknown, by user "42", on payout "7"
   2. payout.send, attempt finished != begun, success, by user "42", on payout "7"
>  3. payout.send, attempt left open, unknown, by user "42", on payout "7"
   4. payout.send, attempt none != begun, unknown, by user "42", on payout "7"`, tb.message(t))
}

// status is recorded as text.
type status int

func (status) MarshalText() ([]byte, error) { return []byte("published"), nil }

// TestChangedValues checks that values are compared as a diff records them.
func TestChangedValues(t *testing.T) {
	t.Parallel()
	type article struct {
		Title     string    `audit:"title"`
		Body      string    `audit:"body,sensitive"`
		Price     *int      `audit:"price"`
		Status    status    `audit:"status"`
		Published time.Time `audit:"published"`
		Tags      []string  `audit:"tags"`
	}
	noon, price := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), 5
	recorder := audittest.NewRecorder(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	require.NoError(t, audit.TrackUpdate(ctx, recorder.Tracker("test"), audit.Event{Target: audit.Target{Type: "article", ID: "1"}},
		article{Title: "Old", Body: "old", Price: &price},
		article{Title: "New", Body: "new", Published: noon, Tags: []string{"a"}}))

	recorder.RequireRecord(t,
		audittest.ChangedFrom("title", "Old", "New"), audittest.ChangedTo("title", "New"),
		audittest.ChangedFrom("price", 5, nil), audittest.ChangedTo("price", (*int)(nil)),
		audittest.ChangedTo("published", noon.In(time.FixedZone("", 3600))),
		audittest.ChangedFrom("tags", nil, []string{"a"}),
		audittest.ChangedTo("tags", attribute.StringSliceValue([]string{"a"})))
	for want, m := range map[string]audittest.Matcher{
		`changed title "Old" to "New" != "New" to "New"`:    audittest.ChangedFrom("title", "New", "New"),
		`changed title "Old" to "New" != to "1"`:            audittest.ChangedTo("title", "1"),
		`changed price 5 to nothing != to 0`:                audittest.ChangedTo("price", 0),
		`changed price 5 to nothing != "5" to nothing`:      audittest.ChangedFrom("price", "5", nil),
		`changed author nothing != to "alice"`:              audittest.ChangedTo("author", "alice"),
		`changed status nothing != to "published"`:          audittest.ChangedTo("status", status(1)),
		`changed body "***REDACTED***" to "***REDACTED***"`: audittest.ChangedTo("body", "new"),
	} {
		tb := &fakeTB{}
		recorder.RequireRecord(tb, m)
		assert.Contains(t, tb.message(t), want)
	}
}

// message returns the message of a failed test, or "" if it did not fail.
func (f *fakeTB) message(t *testing.T) string {
	t.Helper()
	assert.Equal(t, len(f.errors) > 0, f.fatal)
	if len(f.errors) == 0 {
		return ""
	}
	require.Len(t, f.errors, 1)
	return f.errors[0]
}

func TestMatchers(t *testing.T) {
	t.Parallel()
	principal := audit.User("7")
	event := audit.Event{
		Action:    "article.update",
		Operation: audit.OperationUpdate,
		Actor:     audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", OnBehalfOf: &principal},
		Target:    audit.Target{Type: "article", ID: "1001", Name: "An article"},
		Outcome:   audit.OutcomeSuccess,
		Reason:    "typo",
		Tenant:    "acme",
		Changes: []audit.Change{
			{Field: "body", New: attribute.StringValue("New")},
			{Field: "title", New: attribute.StringValue("New")},
		},
		Metadata: []attribute.KeyValue{attribute.Int("count", 3), attribute.StringSlice("tags", []string{"a", "b"})},
	}
	recorder := audittest.NewRecorder(t)
	ctx, scope := audit.NewScope(t.Context(), audit.WithChannel("api"))
	require.NoError(t, recorder.Tracker("test").Track(ctx, event))
	require.NoError(t, scope.End(ctx))

	titled := audittest.Match("a named target", func(r *record.Record) bool { return r.Target.Name != "" })
	tests := []struct {
		matches, differs audittest.Matcher
		want, got        string // of differs
	}{
		{audittest.Action("article.update"), audittest.Action("article.create"), "action article.create", "article.update != article.create"},
		{
			audittest.Actor(audit.Actor{Type: audit.ActorUser, ID: "42", OnBehalfOf: &principal}), audittest.Actor(audit.User("42")),
			`actor user "42"`, `by user "42" on behalf of user "7" != user "42"`,
		},
		{audittest.Target("article", "1001"), audittest.Target("", ""), "target none", `on article "1001" != none`},
		{audittest.Not(audittest.Target("", "1001")), audittest.Target("", "1001"), `target  "1001"`, `on article "1001" !=  "1001"`},
		{audittest.TargetType("article"), audittest.TargetType("user"), "target of type user", `on article "1001" != of type user`},
		{audittest.Outcome(audit.OutcomeSuccess), audittest.Outcome(audit.OutcomeDenied), "outcome denied", "success != denied"},
		{audittest.Operation(audit.OperationUpdate), audittest.Operation(audit.OperationDelete), "operation delete", "operation update != delete"},
		{audittest.Kind(audit.KindIntent), audittest.Kind(audit.KindSignal), "kind signal", "intent != signal"},
		{audittest.Reason("typo"), audittest.Reason(""), `reason ""`, `reason "typo" != ""`},
		{audittest.Channel("api"), audittest.Channel("admin"), `channel "admin"`, `channel "api" != "admin"`},
		{audittest.Tenant("acme"), audittest.Tenant("other"), `tenant "other"`, `tenant "acme" != "other"`},
		{audittest.Changed("title", "body"), audittest.Changed("title", "author"), `changed ["title" "author"]`, `changed ["body" "title"] != ["title" "author"]`},
		{
			audittest.Metadata(attribute.Int("count", 3), attribute.StringSlice("tags", []string{"a", "b"})),
			audittest.Metadata(attribute.Int("count", 3), attribute.String("ticket", "T-1")),
			`metadata [count=3 ticket="T-1"]`, `metadata [count=3] != [count=3 ticket="T-1"]`,
		},
		{
			audittest.Metadata(attribute.Int("count", 3)), audittest.Metadata(attribute.Int("count", 4), attribute.StringSlice("tags", []string{"a", "b"})),
			`metadata [count=4 tags=["a","b"]]`, `metadata [count=3 tags=["a","b"]] != [count=4 tags=["a","b"]]`,
		},
		{
			audittest.Metadata(), audittest.Metadata(attribute.String("count", "3")),
			`metadata [count="3"]`, `metadata [count=3] != [count="3"]`,
		},
		{titled, audittest.Not(titled), "not a named target", "a named target != not a named target"},
		{audittest.Not(audittest.Not(titled)), audittest.Match("no tenant", func(r *record.Record) bool { return r.Tenant == "" }), "no tenant", "not no tenant != no tenant"},
	}
	for _, tt := range tests {
		recorder.RequireRecord(t, tt.matches)
		recorder.RequireNoRecord(t, audittest.Not(tt.matches))
		recorder.RequireNoRecord(t, tt.differs)
		assert.Equal(t, tt.want, tt.differs.String())
		tb := &fakeTB{}
		recorder.RequireRecord(tb, tt.matches, tt.differs)
		require.Len(t, tb.errors, 1)
		assert.Contains(t, tb.errors[0], tt.got, tt.want)
	}
}

// TestTargetWithoutType checks that a target without a type, as by a mistake in a test,
// does not match the records without a target.
func TestTargetWithoutType(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	require.NoError(t, recorder.Tracker("test").Track(t.Context(), audit.Event{Action: "cache.purge", Actor: audit.User("42")}))
	recorder.RequireRecord(t, audittest.Target("", ""))
	recorder.RequireNoRecord(t, audittest.Target("", "1001"))
}
