package audittest_test

import (
	"testing"

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
		"audittest: want one record with action article.update, got 0."+
			" Nothing was recorded. A scope records its signals when it ends.",
		requireOne(action("article.update")))

	require.NoError(t, tracker.Track(t.Context(), update()))
	assert.Empty(t, requireOne())
	require.NoError(t, tracker.Track(t.Context(), audit.Event{Action: "article.purge", Actor: audit.System("nightly-purge"), Kind: audit.KindSignal}))
	const (
		first  = "\n" + `   1. article.update success, by user "42", on article "1001", changed ["title"], reason "a \"typo\"\nof mine"`
		second = "\n" + `   2. article.purge (signal) unknown, by system "nightly-purge"`
		list   = " Recorded:" + first + second
	)

	assert.Equal(t, "audittest: want one record, got 2."+list, requireOne())
	assert.Equal(t, "audittest: want one record with action article.create, got 0."+list, requireOne(action("article.create")))
	assert.Equal(t, "audittest: want no record, got 2."+list, requireNone())
	assert.Equal(t, `audittest: want no record with action article.update and target article "1001", got 1.`+list,
		requireNone(action("Article.Update"), target("article", "1001")))
	assert.Empty(t, requireNone(action("article.create")))
	assert.Empty(t, requireNone(action("article")))
	assert.Empty(t, requireNone(action("article.update"), target("article", "1002")))
	assert.Empty(t, requireOne(action(" Article.Update")), "actions are normalized")

	const differs = "\n      differs: "
	assert.Equal(t,
		`audittest: want one record with action article.update, target article "hello" and outcome failure, got 0. Recorded:`+
			first+differs+`target article "1001", outcome success`+second,
		requireOne(action("article.update"), target("article", "hello"), audittest.Outcome(audit.OutcomeFailure)))
	assert.Equal(t,
		`audittest: want one record with not kind signal and action article.purge, got 0. Recorded:`+
			first+differs+`action article.update`+second+differs+`kind signal`,
		requireOne(audittest.Not(audittest.Kind(audit.KindSignal)), action("article.purge")), "both are equally close")

	require.NoError(t, tracker.Track(t.Context(), update()))
	assert.Contains(t, requireOne(action("article.update")),
		"want one record with action article.update, got 2. Recorded:\n   1. article.update")
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
		{audittest.Action("article.update"), audittest.Action("article.create"), "action article.create", "action article.update"},
		{
			audittest.Actor(audit.Actor{Type: audit.ActorUser, ID: "42", OnBehalfOf: &principal}), audittest.Actor(audit.User("42")),
			`actor user "42"`, `actor user "42" on behalf of user "7"`,
		},
		{audittest.Target("article", "1001"), audittest.Target("", ""), "target none", `target article "1001"`},
		{audittest.Not(audittest.Target("", "1001")), audittest.Target("", "1001"), `target  "1001"`, `target article "1001"`},
		{audittest.Outcome(audit.OutcomeSuccess), audittest.Outcome(audit.OutcomeDenied), "outcome denied", "outcome success"},
		{audittest.Operation(audit.OperationUpdate), audittest.Operation(audit.OperationDelete), "operation delete", "operation update"},
		{audittest.Kind(audit.KindIntent), audittest.Kind(audit.KindSignal), "kind signal", "kind intent"},
		{audittest.Reason("typo"), audittest.Reason(""), `reason ""`, `reason "typo"`},
		{audittest.Channel("api"), audittest.Channel("admin"), `channel "admin"`, `channel "api"`},
		{audittest.Tenant("acme"), audittest.Tenant("other"), `tenant "other"`, `tenant "acme"`},
		{audittest.Changed("title", "body"), audittest.Changed("title", "author"), `changed ["title" "author"]`, `changed ["body" "title"]`},
		{
			audittest.Metadata(attribute.Int("count", 3), attribute.StringSlice("tags", []string{"a", "b"})),
			audittest.Metadata(attribute.Int("count", 3), attribute.String("ticket", "T-1")),
			`metadata [count=3 ticket="T-1"]`, `metadata [count=3]`,
		},
		{
			audittest.Metadata(attribute.Int("count", 3)), audittest.Metadata(attribute.Int("count", 4), attribute.StringSlice("tags", []string{"a", "b"})),
			`metadata [count=4 tags=["a","b"]]`, `metadata [count=3 tags=["a","b"]]`,
		},
		{
			audittest.Metadata(), audittest.Metadata(attribute.String("count", "3")),
			`metadata [count="3"]`, `metadata [count=3]`,
		},
		{titled, audittest.Not(titled), "not a named target", "a named target"},
		{audittest.Not(audittest.Not(titled)), audittest.Match("no tenant", func(r *record.Record) bool { return r.Tenant == "" }), "no tenant", "not no tenant"},
	}
	for _, tt := range tests {
		recorder.RequireRecord(t, tt.matches)
		recorder.RequireNoRecord(t, audittest.Not(tt.matches))
		recorder.RequireNoRecord(t, tt.differs)
		assert.Equal(t, tt.want, tt.differs.String())
		tb := &fakeTB{}
		recorder.RequireRecord(tb, tt.matches, tt.differs)
		require.Len(t, tb.errors, 1)
		assert.Contains(t, tb.errors[0], "differs: "+tt.got, tt.want)
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
