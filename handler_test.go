package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

type post struct {
	Title string `audit:"title"`
	Body  string `audit:"body,sensitive"`
}

// errorList keeps the errors that a handler cannot return.
type errorList struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorList) handle(_ context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *errorList) take() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := l.errs
	l.errs = nil
	return errs
}

func marksOf(r *record.Record) map[string]mark.Kind {
	marks := map[string]mark.Kind{}
	for _, m := range r.Marks {
		marks[m.Path] = m.Kind
	}
	return marks
}

// A function completes the event of its Do.
func TestDoIsCompleted(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	for name, tt := range map[string]struct {
		fn      func(ctx context.Context) error
		outcome audit.Outcome
		changes []string
		marks   map[string]mark.Kind
		check   func(t *testing.T, r *record.Record)
	}{
		"all of it": {
			fn: func(ctx context.Context) error {
				audit.SetChanges(ctx, post{Title: "a"}, post{Title: "b"})
				audit.SetReason(ctx, "a typing error")
				audit.SetTarget(ctx, audit.Target{Type: "post", ID: "2"})
				audit.AddMetadata(ctx, attribute.String("ticket", "T-1"), attribute.String("given", "by fn"))
				return nil
			},
			outcome: audit.OutcomeSuccess, changes: []string{"title"}, marks: map[string]mark.Kind{},
			check: func(t *testing.T, r *record.Record) {
				t.Helper()
				assert.Equal(t, "a typing error", r.Reason)
				assert.Equal(t, audit.Target{Type: "post", ID: "2"}, r.Target)
				assert.Equal(t, []attribute.KeyValue{attribute.String("given", "by fn"), attribute.String("ticket", "T-1")}, r.Metadata)
			},
		},
		"created": {
			fn: func(ctx context.Context) error {
				audit.SetChanges(ctx, nil, &post{Title: "b"})
				return nil
			},
			outcome: audit.OutcomeSuccess, changes: []string{"title", "body"}, marks: map[string]mark.Kind{},
		},
		"from an inner scope": {
			fn: func(ctx context.Context) error {
				return audit.Run(ctx, func(ctx context.Context) error {
					audit.SetChanges(ctx, post{Title: "a"}, post{Title: "b"})
					return nil
				})
			},
			outcome: audit.OutcomeSuccess, changes: []string{"title"}, marks: map[string]mark.Kind{},
		},
		"twice": {
			fn: func(ctx context.Context) error {
				audit.SetChanges(ctx, post{Title: "a"}, post{Title: "b"})
				audit.SetChanges(ctx, post{Body: "a"}, post{Body: "b"})
				audit.AddMetadata(ctx, attribute.Int("n", 1))
				audit.AddMetadata(ctx, attribute.Int("n", 2))
				return nil
			},
			outcome: audit.OutcomeSuccess, changes: []string{"body"},
			marks: map[string]mark.Kind{"changes": mark.Repeated, "metadata.n": mark.Repeated},
		},
		"nothing, then something": {
			fn: func(ctx context.Context) error {
				audit.SetChanges(ctx, post{}, post{})
				audit.SetChanges(ctx, post{Body: "a"}, post{Body: "b"})
				return nil
			},
			outcome: audit.OutcomeSuccess, changes: []string{"body"}, marks: map[string]mark.Kind{"changes": mark.Repeated},
		},
		"failed": {
			fn: func(ctx context.Context) error {
				audit.SetChanges(ctx, post{Title: "a"}, post{Title: "b"})
				audit.SetOutcome(ctx, audit.OutcomeSuccess)
				return failure
			},
			outcome: audit.OutcomeFailure, changes: []string{"title"}, marks: map[string]mark.Kind{"changes": mark.Requested},
		},
		"denied": {
			fn: func(ctx context.Context) error {
				audit.SetOutcome(ctx, audit.OutcomeDenied)
				return failure
			},
			outcome: audit.OutcomeDenied, marks: map[string]mark.Kind{},
		},
		"denied, and answered": {
			fn: func(ctx context.Context) error {
				audit.SetOutcome(ctx, audit.OutcomeDenied)
				return nil
			},
			outcome: audit.OutcomeDenied, marks: map[string]mark.Kind{},
		},
		"unknown": {
			fn: func(ctx context.Context) error {
				audit.SetOutcome(ctx, audit.OutcomeSuccess)
				return context.Canceled
			},
			outcome: audit.OutcomeUnknown, marks: map[string]mark.Kind{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errs errorList
			tracker, trail := newTrail(t, sdk.WithErrorHandler(errs.handle))
			ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
			err := audit.Do(ctx, tracker, audit.Event{
				Action: "post.edit", Target: audit.Target{Type: "post", ID: "1"}, Metadata: []attribute.KeyValue{attribute.String("given", "at first")},
			}, tt.fn)
			if err != nil {
				require.True(t, errors.Is(err, failure) || errors.Is(err, context.Canceled), "%v", err)
			}
			assert.Empty(t, errs.take())
			records := trail.all()
			require.Len(t, records, 2)
			r := records[1]
			assert.Equal(t, tt.outcome, r.Outcome)
			var fields []string
			for _, c := range r.Changes {
				fields = append(fields, c.Field)
			}
			assert.Equal(t, tt.changes, fields)
			assert.Equal(t, tt.marks, marksOf(r))
			if tt.check != nil {
				tt.check(t, r)
			}
		})
	}
}

// What cannot be diffed is marked and reported, and hides no earlier changes.
func TestSetChangesOfMistakenType(t *testing.T) {
	t.Parallel()
	var errs errorList
	tracker, trail := newTrail(t, sdk.WithErrorHandler(errs.handle))
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	type mistaken struct {
		Title string `audit:"title, sensitive"`
	}
	require.NoError(t, audit.Do(ctx, tracker, audit.Event{Action: "post.edit"}, func(ctx context.Context) error {
		audit.SetChanges(ctx, mistaken{"s3cret"}, mistaken{"b"})
		return nil
	}))
	reported := errs.take()
	require.Len(t, reported, 1)
	var invalid *audit.ValidationError
	require.ErrorAs(t, reported[0], &invalid)
	assert.NotContains(t, reported[0].Error(), "s3cret")
	assert.Equal(t, map[string]mark.Kind{"changes": mark.Missing}, marksOf(trail.all()[1]))
}

// What is said when nobody listens is reported.
func TestHandlerWordsInVain(t *testing.T) { // not parallel: it sets the global provider
	var global, own errorList
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(&memory{}), sdk.WithErrorHandler(global.handle))
	require.NoError(t, err)
	audit.SetTrackerProvider(p)
	t.Cleanup(func() {
		audit.SetTrackerProvider(nil)
		assert.NoError(t, p.Shutdown(context.Background()))
	})
	words := map[string]func(context.Context){
		"SetChanges":  func(ctx context.Context) { audit.SetChanges(ctx, post{}, post{Title: "a"}) },
		"SetTarget":   func(ctx context.Context) { audit.SetTarget(ctx, article("1")) },
		"SetReason":   func(ctx context.Context) { audit.SetReason(ctx, "why") },
		"SetOutcome":  func(ctx context.Context) { audit.SetOutcome(ctx, audit.OutcomeDenied) },
		"AddMetadata": func(ctx context.Context) { audit.AddMetadata(ctx, attribute.Int("a", 1)) },
	}
	tracker, trail := newTrail(t, sdk.WithErrorHandler(own.handle))
	for name, say := range words {
		say(t.Context())
		_ = audit.Run(t.Context(), func(ctx context.Context) error { say(ctx); return nil })
		reported := global.take()
		require.Len(t, reported, 2, name)
		for _, err := range reported {
			require.ErrorIs(t, err, audit.ErrNoIntent)
			require.ErrorContains(t, err, "audit."+name)
		}

		var kept context.Context
		require.NoError(t, audit.Do(audit.ContextWithActor(t.Context(), audit.User("42")), tracker, audit.Event{Action: "post.edit"}, func(ctx context.Context) error {
			kept = ctx
			return nil
		}))
		say(kept)
		reported = own.take()
		require.Len(t, reported, 1, name)
		require.ErrorIs(t, reported[0], audit.ErrScopeEnded)
		require.ErrorContains(t, reported[0], "audit."+name)
	}
	for _, r := range trail.all() {
		assert.Empty(t, r.Changes)
		assert.Empty(t, r.Metadata)
	}
	audit.SetTrackerProvider(nil)
	words["SetReason"](t.Context()) // logs
	assert.Empty(t, global.take())
}

// Goroutines of one request complete its event together.
func TestHandlerWordsConcurrently(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	require.NoError(t, audit.Do(ctx, tracker, audit.Event{Action: "post.edit"}, func(ctx context.Context) error {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				audit.AddMetadata(ctx, attribute.Int("n"+string(rune('0'+i)), i))
				audit.SetReason(ctx, "why")
				audit.SetTarget(ctx, article("1"))
				audit.SetChanges(ctx, post{}, post{Title: time.Duration(i).String()})
			})
		}
		group.Wait()
		return audit.Ready(ctx)
	}))
	r := trail.all()[1]
	assert.Len(t, r.Metadata, 8)
	assert.Equal(t, "why", r.Reason)
	assert.Equal(t, article("1"), r.Target)
	require.Len(t, r.Changes, 1)
}
