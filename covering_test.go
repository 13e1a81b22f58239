package audit_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestWhatCoversWhat has the rows of the table in docs/covering.md, and more. Each row is
// tried in both orders.
func TestWhatCoversWhat(t *testing.T) {
	t.Parallel()
	const (
		unspecified, create, read = audit.OperationUnspecified, audit.OperationCreate, audit.OperationRead
		update, remove, execute   = audit.OperationUpdate, audit.OperationDelete, audit.OperationExecute
	)
	on := func(op audit.Operation, id string, changes ...func(*audit.Event)) audit.Event {
		e := audit.Event{Action: "article." + op.String(), Operation: op, Outcome: audit.OutcomeSuccess, Target: article(id)}
		for _, change := range changes {
			change(&e)
		}
		return e
	}
	action := func(action string) func(*audit.Event) { return func(e *audit.Event) { e.Action = action } }
	outcome := func(o audit.Outcome) func(*audit.Event) { return func(e *audit.Event) { e.Outcome = o } }
	tenant := func(tenant string) func(*audit.Event) { return func(e *audit.Event) { e.Tenant = tenant } }
	actor := func(id string) func(*audit.Event) { return func(e *audit.Event) { e.Actor = audit.User(id) } }
	kind := func(kind string) func(*audit.Event) { return func(e *audit.Event) { e.Target.Type = kind } }
	sample := func(ids ...string) func(*audit.Event) {
		return func(e *audit.Event) { e.Bulk = audit.Bulk{Selector: "some", Affected: 1, Sample: ids} }
	}
	covers := func(targets ...audit.Target) func(*audit.Event) { return func(e *audit.Event) { e.Covers = targets } }
	namespace := func(name string) func(*audit.Event) {
		return func(e *audit.Event) { e.Metadata = append(e.Metadata, semconv.TargetNamespaceKey.String(name)) }
	}
	changed := func(field string) func(*audit.Event) {
		return func(e *audit.Event) {
			e.Changes = []audit.Change{{Field: field, New: attribute.StringValue("x")}}
		}
	}
	begins := func(e *audit.Event) { e.ID = audit.NewID(); e.Attempt, e.Outcome = e.ID, audit.OutcomeUnknown }
	rewriting := func(rewrite func(*record.Record)) []sdk.Option {
		return []sdk.Option{sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
			if r.Kind == audit.KindIntent {
				rewrite(r)
			}
			return next(ctx, r)
		}))}
	}
	dropping := sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		if r.Kind == audit.KindIntent {
			return nil
		}
		return next(ctx, r)
	}))
	tag := audit.Target{Type: "article_tag", ID: "1/news"}

	for _, tt := range []struct {
		name           string
		intent, signal audit.Event
		covered        bool
		opts           []sdk.Option
	}{
		// The object.
		{"the same", on(update, "1"), on(update, "1"), true, nil},
		{"another ID", on(update, "1"), on(update, "2"), false, nil},
		{"another type", on(update, "1"), on(update, "1", kind("user")), false, nil},
		{"an ID in capitals", on(update, "a"), on(update, "A"), false, nil},
		{"an ID with a space", on(update, "a"), on(update, "a "), false, nil},
		{"no IDs", on(update, ""), on(update, ""), false, nil},
		{"no ID in the intent", on(update, ""), on(update, "1"), false, nil},
		{"another tenant", on(update, "1", tenant("acme")), on(update, "1", tenant("victim")), false, nil},
		{"a tenant in the intent alone", on(update, "1", tenant("acme")), on(update, "1"), false, nil},
		{"a tenant in the signal alone", on(update, "1"), on(update, "1", tenant("victim")), false, nil},
		{"the same namespace", on(update, "1", namespace("archive.orders")), on(update, "1", namespace("archive.orders")), true, nil},
		{"another namespace", on(update, "1", namespace("shop.orders")), on(update, "1", namespace("archive.orders")), false, nil},
		{"a namespace in the intent alone", on(update, "1", namespace("archive.orders")), on(update, "1"), false, nil},
		{"a namespace in the signal alone", on(update, "1"), on(update, "1", namespace("archive.orders")), false, nil},

		// The operation.
		{"delete and update", on(remove, "1"), on(update, "1"), false, nil},
		{"update and delete", on(update, "1"), on(remove, "1"), false, nil},
		{"delete and delete", on(remove, "1"), on(remove, "1"), true, nil},
		{"execute and delete", on(execute, "1"), on(remove, "1"), false, nil},
		{"execute and execute", on(execute, "1"), on(execute, "1"), true, nil},
		{"read and delete", on(read, "1"), on(remove, "1"), false, nil},
		{"no operation, and delete", on(unspecified, "1", action("article.view")), on(remove, "1"), false, nil},
		{"no operation, and update", on(unspecified, "1", action("article.preview")), on(update, "1"), false, nil},
		{"no operation, the action of a delete", on(unspecified, "1", action("article.delete")), on(remove, "1"), false, nil},
		{"update, and no operation", on(update, "1"), on(unspecified, "1", action("article.update")), false, nil},
		{"no operations, one action", on(unspecified, "1"), on(unspecified, "1"), true, nil},
		{"no operations, two actions", on(unspecified, "1", action("article.view")), on(unspecified, "1", action("article.delete")), false, nil},
		{"another action of the same operation", on(update, "1", action("article.publish")), on(update, "1"), true, nil},

		// Several objects.
		{"an ID of the sample", on(update, "", sample("1", "2")), on(update, "2"), true, nil},
		{"an ID outside of the sample", on(update, "", sample("1", "2")), on(update, "3"), false, nil},
		{"an empty ID in the sample", on(update, "", sample("")), on(update, ""), false, nil},
		{"an ID of the sample, deleted", on(update, "", sample("1")), on(remove, "1"), false, nil},
		{"Covers, created", on(update, "1", covers(tag)), on(create, tag.ID, kind(tag.Type)), true, nil},
		{"Covers, updated", on(update, "1", covers(tag)), on(update, tag.ID, kind(tag.Type)), true, nil},
		{"Covers, deleted", on(update, "1", covers(tag)), on(remove, tag.ID, kind(tag.Type)), true, nil},
		{"Covers, read", on(update, "1", covers(tag)), on(read, tag.ID, kind(tag.Type)), false, nil},
		{"Covers, no operation", on(update, "1", covers(tag)), on(unspecified, tag.ID, kind(tag.Type)), false, nil},
		{"Covers, another ID", on(update, "1", covers(tag)), on(remove, "1/sports", kind(tag.Type)), false, nil},
		{"Covers, another type", on(update, "1", covers(tag)), on(remove, tag.ID), false, nil},
		{"Covers without an ID", on(update, "1", covers(audit.Target{Type: tag.Type})), on(remove, "", kind(tag.Type)), false, nil},
		{"Covers, another tenant", on(update, "1", tenant("acme"), covers(tag)), on(remove, tag.ID, kind(tag.Type), tenant("victim")), false, nil},
		{"Covers of an execution", on(execute, "1", covers(article("1"))), on(update, "1"), true, nil},
		{"Covers of an intent without an operation", on(unspecified, "1", covers(article("1"))), on(remove, "1"), true, nil},
		{"Covers of a failure", on(update, "1", covers(tag), outcome(audit.OutcomeFailure)), on(remove, tag.ID, kind(tag.Type)), false, nil},

		// The intent.
		{"an unknown outcome", on(update, "1", outcome(audit.OutcomeUnknown)), on(update, "1"), false, nil},
		{"unknown outcomes", on(update, "1", outcome(audit.OutcomeUnknown)), on(update, "1", outcome(audit.OutcomeUnknown)), true, nil},
		{"Covers of an unknown outcome", on(update, "1", covers(tag), outcome(audit.OutcomeUnknown)), on(remove, tag.ID, kind(tag.Type)), false, nil},
		{"a failure", on(update, "1", outcome(audit.OutcomeFailure)), on(update, "1"), false, nil},
		{"a denial", on(update, "1", outcome(audit.OutcomeDenied)), on(update, "1"), false, nil},
		{"the beginning of an attempt", on(update, "1", begins), on(update, "1"), false, nil},
		{"a rejected intent", on(update, "1", action("Not-An-Action!")), on(update, "1"), false, nil},
		{"an intent that a processor drops", on(update, "1"), on(update, "1"), false, []sdk.Option{dropping}},
		{"an intent whose target a processor rewrites", on(update, "1"), on(update, "1"), false, rewriting(func(r *record.Record) { r.Target.ID = "9" })},
		{"an intent that a processor makes the signal's", on(update, "9"), on(update, "1"), true, rewriting(func(r *record.Record) { r.Target.ID = "1" })},

		// What does not matter.
		{"another actor", on(update, "1", actor("a")), on(update, "1", actor("b")), true, nil},
		{"other changes", on(update, "1", changed("title")), on(update, "1", changed("owner")), true, nil},
		{"a signal of unknown outcome", on(update, "1"), on(update, "1", outcome(audit.OutcomeUnknown)), true, nil},
	} {
		for _, order := range []string{"intent first", "signal first"} {
			t.Run(tt.name+", "+order, func(t *testing.T) {
				t.Parallel()
				tracker, trail := newTrail(t, tt.opts...)
				ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
				events := []audit.Event{tt.intent, tt.signal}
				events[1].Kind = audit.KindSignal
				if order == "signal first" {
					events[0], events[1] = events[1], events[0]
				}
				for _, e := range events {
					if err := tracker.Track(ctx, e); e.Kind == audit.KindSignal {
						require.NoError(t, err)
					}
				}
				require.NoError(t, s.End(ctx))
				signals := 0
				for _, r := range trail.all() {
					if r.Kind == audit.KindSignal {
						signals++
					}
				}
				assert.Equal(t, tt.covered, signals == 0)
			})
		}
	}
}

// TestCoveredAsTracked tests that IDs are compared before they are escaped or shortened.
func TestCoveredAsTracked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2*record.MaxNameLength)
	for name, ids := range map[string][2]string{
		"cut": {long + "x", long + "y"}, "control characters": {"a\x01", "a\x02"}, "white space": {"a\n", "a\t"},
		"invalid UTF-8": {"a\xff", "a\xfe"}, "U+FFFD": {"a\xff", "a\uFFFD"}, "an escape": {"a\xff", `a\xff`},
		"redacted": {"token=0123456789abcdef0123456789abcdef", "token=fedcba9876543210fedcba9876543210"},
	} {
		tracker, trail := newTrail(t)
		ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article(ids[0]))))
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article(ids[1]))))
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article(ids[0]))), "covered")
		require.NoError(t, s.End(ctx))
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions(), name)
	}
}

// TestUnitsOfWork tests that an intent covers signals of the scopes that enclose it or that
// it encloses, and not of a unit of work beside it.
func TestUnitsOfWork(t *testing.T) {
	t.Parallel()
	update, covering := signal(audit.OperationUpdate, article("a")), intent(audit.OperationUpdate, article("a"))
	track := func(t *testing.T, tracker audit.Tracker, e audit.Event) func(context.Context) error {
		t.Helper()
		return func(ctx context.Context) error { return tracker.Track(ctx, e) }
	}
	t.Run("a later unit of the same job", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		require.NoError(t, audit.Run(audit.ContextWithActor(t.Context(), audit.User("42")), func(job context.Context) error {
			require.NoError(t, audit.Run(job, track(t, tracker, covering)))
			return audit.Run(job, track(t, tracker, update))
		}))
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions())
	})
	t.Run("an earlier unit of the same job", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		require.NoError(t, audit.Run(audit.ContextWithActor(t.Context(), audit.User("42")), func(job context.Context) error {
			require.NoError(t, audit.Run(job, track(t, tracker, update)))
			return audit.Run(job, track(t, tracker, covering))
		}))
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions())
	})
	t.Run("the job itself, before and after", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		require.NoError(t, audit.Run(audit.ContextWithActor(t.Context(), audit.User("42")), func(job context.Context) error {
			require.NoError(t, tracker.Track(job, update))
			require.NoError(t, audit.Run(job, track(t, tracker, covering)))
			return tracker.Track(job, update)
		}))
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
	t.Run("a unit whose job records the intent", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		require.NoError(t, audit.Run(audit.ContextWithActor(t.Context(), audit.User("42")), func(job context.Context) error {
			require.NoError(t, audit.Run(job, track(t, tracker, update)))
			require.NoError(t, tracker.Track(job, covering))
			return audit.Run(job, track(t, tracker, update))
		}))
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
}

// TestOneOriginPerIntent tests that an intent, which does not name a store, covers signals
// of one store and one type of ID.
func TestOneOriginPerIntent(t *testing.T) {
	t.Parallel()
	from := func(database, idType string) audit.Event {
		e := signal(audit.OperationUpdate, article("1"))
		if database != "" {
			e.Metadata = append(e.Metadata, semconv.DBNamespaceKey.String(database))
		}
		if idType != "" {
			e.Metadata = append(e.Metadata, semconv.TargetIDTypeKey.String(idType))
		}
		return e
	}
	covering := intent(audit.OperationUpdate, article("1"))
	for name, tt := range map[string]struct {
		events  []audit.Event
		signals int
	}{
		"one database":                   {[]audit.Event{covering, from("a", ""), from("a", "")}, 0},
		"two databases":                  {[]audit.Event{covering, from("a", ""), from("b", ""), from("a", ""), from("b", "")}, 2},
		"two databases, signals first":   {[]audit.Event{from("a", ""), from("b", ""), from("a", ""), covering}, 1},
		"two databases and two intents":  {[]audit.Event{from("a", ""), covering, from("b", ""), covering, from("a", ""), from("b", "")}, 1},
		"two types of ID":                {[]audit.Event{covering, from("a", ""), from("a", "string")}, 1},
		"two types of ID, signals first": {[]audit.Event{from("a", ""), from("a", "string"), covering}, 1},
		"a layer that names no database": {[]audit.Event{covering, from("", ""), from("a", ""), from("", "")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
				for _, e := range tt.events {
					require.NoError(t, tracker.Track(ctx, e))
				}
				return nil
			}, audit.AsActor(audit.User("42"))))
			signals := 0
			for _, r := range trail.all() {
				if r.Kind == audit.KindSignal {
					signals++
				}
			}
			assert.Equal(t, tt.signals, signals)
		})
	}
	t.Run("nested scopes share the intent", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		require.NoError(t, audit.Run(t.Context(), func(outer context.Context) error {
			return audit.Run(outer, func(inner context.Context) error {
				require.NoError(t, tracker.Track(inner, covering))
				require.NoError(t, tracker.Track(outer, from("a", "")), "covered")
				return tracker.Track(inner, from("b", ""))
			})
		}, audit.AsActor(audit.User("42"))))
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions())
	})
}

// TestCoveredSignalsGiveUpTheirPlaces tests a job over more things than a scope holds
// signals.
func TestCoveredSignalsGiveUpTheirPlaces(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T, job context.Context, each func(context.Context) error) error{
		"in one scope": func(_ *testing.T, job context.Context, each func(context.Context) error) error { return each(job) },
		"in inner scopes": func(_ *testing.T, job context.Context, each func(context.Context) error) error {
			return audit.Run(job, each)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			require.NoError(t, audit.Run(t.Context(), func(job context.Context) error {
				for i := range 1500 {
					thing := article(strconv.Itoa(i))
					require.NoError(t, run(t, job, func(ctx context.Context) error { return tracker.Track(ctx, signal(audit.OperationUpdate, thing)) }))
					require.NoError(t, tracker.Track(job, intent(audit.OperationUpdate, thing)))
				}
				return nil
			}, audit.AsActor(audit.User("42"))))
			assert.Len(t, trail.all(), 1500)
		})
	}
}
