package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var errBroken = errors.New("broken")

func TestProcessorContract(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		process   sdk.ProcessorFunc
		stored    int
		is        error
		contains  string
		delivered bool
	}{
		{name: "passes on", stored: 1, process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			return next(ctx, r)
		}},
		{name: "passes on a clone", stored: 1, process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			return next(ctx, r.Clone())
		}},
		{name: "passes on without a context", stored: 1, process: func(_ context.Context, r *record.Record, next sdk.Next) error {
			return next(nil, r)
		}},
		{name: "drops", is: sdk.ErrDropped, contains: "sdk.ProcessorFunc", process: func(context.Context, *record.Record, sdk.Next) error {
			return nil
		}},
		{name: "rejects", is: errBroken, contains: "processor sdk.ProcessorFunc: broken", process: func(context.Context, *record.Record, sdk.Next) error {
			return errBroken
		}},
		{name: "fails after passing on", stored: 1, is: errBroken, delivered: true, process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			_ = next(ctx, r)
			return errBroken
		}},
		{name: "panics", contains: "panicked with a string", process: func(context.Context, *record.Record, sdk.Next) error {
			panic("secret")
		}},
		{name: "panics after passing on", stored: 1, delivered: true, contains: "panicked: runtime error", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			_ = next(ctx, r)
			counts := []int{1}
			return errors.New(strings.Repeat("x", counts[len(r.Metadata)+1]))
		}},
		{name: "exits its goroutine", contains: "panicked", process: func(context.Context, *record.Record, sdk.Next) error {
			panic(nil) //nolint:govet // a *runtime.PanicNilError
		}},
		{name: "calls next twice", stored: 1, delivered: true, contains: "called next twice", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			_ = next(ctx, r)
			_ = next(ctx, r)
			return nil
		}},
		{name: "passes on nil", contains: "called next with nil", process: func(ctx context.Context, _ *record.Record, next sdk.Next) error {
			return next(ctx, nil)
		}},
		{name: "passes on another record", contains: "another record", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			other := r.Clone()
			other.ID = audit.NewID()
			return next(ctx, other)
		}},
		{name: "changes the kind", contains: "another record", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Kind = audit.KindSignal
			return next(ctx, r)
		}},
		{name: "changes the actor", contains: "another record", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Actor.OnBehalfOf.Roles[0] = "admin"
			return next(ctx, r)
		}},
		{name: "swallows the violation", contains: "another record", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Actor = audit.User("somebody else")
			_ = next(ctx, r)
			return nil
		}},
		{name: "swallows the error of next", is: sdk.ErrDropped, process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Action = "not an action!"
			_ = next(ctx, r)
			return nil
		}},
		{name: "adds a key twice", stored: 1, process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Metadata = append(r.Metadata, attribute.Int("k", 1), attribute.Int("a", 1), attribute.Int("k", 2))
			return next(ctx, r)
		}},
		{name: "replaces the error of next", is: errBroken, contains: "action", process: func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Action = "not an action!"
			_ = next(ctx, r)
			return errBroken
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(tt.process))
			err := tracker.Track(t.Context(), with(func(e *audit.Event) {
				e.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "7", Roles: []string{"editor"}}
			}))
			assert.Len(t, s.all(), tt.stored)
			if tt.is == nil && tt.contains == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret")
			if tt.name == "swallows the error of next" {
				var invalid *audit.ValidationError
				require.ErrorAs(t, err, &invalid)
				return
			}
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			assert.ErrorContains(t, err, tt.contains)
			if processorErr, ok := errors.AsType[*sdk.ProcessorError](err); ok {
				assert.Equal(t, tt.delivered, processorErr.Delivered)
			}
		})
	}
}

// The error of a processor is redacted, and hides the values of the event, also if the
// processor adds them to an error of the SDK's. The application finds it with errors.Is.
func TestProcessorErrorIsClean(t *testing.T) {
	t.Parallel()
	for name, process := range map[string]sdk.ProcessorFunc{
		"instead of next": func(context.Context, *record.Record, sdk.Next) error {
			return fmt.Errorf("dial postgres://a:hunter2@db for %s: %w", "Tuesday-plan", errBroken)
		},
		"after next": func(ctx context.Context, r *record.Record, next sdk.Next) error {
			_ = next(ctx, r)
			return fmt.Errorf("dial postgres://a:hunter2@db for %s: %w", r.Target.ID, errBroken)
		},
		"around the error of next": func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Action = ""
			return fmt.Errorf("password=hunter2 %s: %w", r.Metadata[0].Value.AsString(), errors.Join(next(ctx, r), errBroken))
		},
		"beside a violation": func(ctx context.Context, r *record.Record, next sdk.Next) error {
			_ = next(ctx, r)
			_ = next(ctx, r)
			return errors.New("password=hunter2 " + r.Target.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, _ := audit.NewScope(t.Context(), audit.WithScopeMetadata(attribute.String("plan", "Tuesday-plan")))
			err := newTracker(t, sdk.WithSyncer(&sink{}), sdk.WithProcessor(process)).Track(ctx, with(func(e *audit.Event) {
				e.Target = audit.Target{Type: "plan", ID: "Wednesday-plan"}
			}))
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "day-plan")
			if name != "beside a violation" {
				assert.ErrorIs(t, err, errBroken)
			}
		})
	}
}

func TestProcessorCallsNextLate(t *testing.T) {
	t.Parallel()
	s := &sink{}
	late := make(chan error, 1)
	returned := make(chan struct{})
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(sdk.ProcessorFunc(
		func(ctx context.Context, r *record.Record, next sdk.Next) error {
			go func() {
				<-returned
				late <- next(ctx, r)
			}()
			return nil
		})))
	require.ErrorIs(t, tracker.Track(t.Context(), valid()), sdk.ErrDropped)
	close(returned)
	require.ErrorContains(t, <-late, "called next after it had returned")
	assert.Empty(t, s.all())
}

func TestProcessorReturnsBeforeNext(t *testing.T) {
	t.Parallel()
	inside, release, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	s := &sink{export: func(context.Context, []*record.Record) error {
		close(inside)
		<-release
		return nil
	}}
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(sdk.ProcessorFunc(
		func(ctx context.Context, r *record.Record, next sdk.Next) error {
			go func() { over <- next(ctx, r) }()
			<-inside
			return nil
		})))
	err := tracker.Track(t.Context(), valid())
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	require.ErrorContains(t, err, "returned before next did")
	close(release)
	require.NoError(t, <-over)
}

func TestProcessorRetainsRecord(t *testing.T) {
	t.Parallel()
	s := &sink{}
	var kept *record.Record
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(sdk.ProcessorFunc(
		func(ctx context.Context, r *record.Record, next sdk.Next) error {
			kept = r
			return next(ctx, r)
		})))
	ctx, scope := audit.NewScope(t.Context())
	e := valid()
	e.Kind = audit.KindSignal
	e.Metadata = []attribute.KeyValue{attribute.String("k", "v")}
	require.NoError(t, tracker.Track(ctx, e))
	kept.Action, kept.Metadata[0], kept.Actor.ID = "changed.later", attribute.String("k", "changed"), "7"
	require.NoError(t, scope.End(ctx))
	assert.Equal(t, e.Action, s.one(t).Action)
	assert.Equal(t, e.Metadata, s.one(t).Metadata)
	assert.Equal(t, e.Actor, s.one(t).Actor)
}

func TestProcessorsRunInOrder(t *testing.T) {
	t.Parallel()
	s := &sink{}
	add := func(key string) sdk.Processor {
		return sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
			r.Metadata = append(r.Metadata, attribute.Int(key, len(r.Metadata)))
			return next(ctx, r)
		})
	}
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(add("first"), add("second")), sdk.WithProcessor(add("third")))
	require.NoError(t, tracker.Track(t.Context(), valid()))
	assert.Equal(t, []attribute.KeyValue{attribute.Int("first", 0), attribute.Int("second", 1), attribute.Int("third", 2)}, s.one(t).Metadata)
}

func TestProcessorOutputIsRedacted(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(sdk.ProcessorFunc(
		func(_ context.Context, r *record.Record, next sdk.Next) error {
			r.Metadata = append(r.Metadata, attribute.String("password", "hunter2"))
			return next(context.Background(), r)
		})))
	ctx, scope := audit.NewScope(t.Context())
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.Kind = audit.KindSignal })))
	require.NoError(t, tracker.Track(ctx, valid()))
	require.NoError(t, scope.End(ctx))
	r := s.one(t)
	assert.Equal(t, audit.KindIntent, r.Kind, "the signal is covered")
	assert.Equal(t, []attribute.KeyValue{attribute.String("password", "***REDACTED***")}, r.Metadata)
	assert.Equal(t, []string{"metadata.password"}, r.Redacted)
}

func TestProcessorExitsGoroutine(t *testing.T) {
	t.Parallel()
	s := &sink{}
	tracker := newTracker(t, sdk.WithSyncer(s), sdk.WithProcessor(sdk.ProcessorFunc(
		func(context.Context, *record.Record, sdk.Next) error {
			runtime.Goexit()
			return nil
		})))
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = tracker.Track(context.Background(), valid())
	}()
	<-over
	assert.Empty(t, s.all())
}
