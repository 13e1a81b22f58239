package sdk_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// numbered returns an event whose fields contain its number, with few or many metadata,
// and with or without the rarer fields.
func numbered(n int) audit.Event {
	text := strconv.Itoa(n)
	return with(func(e *audit.Event) {
		e.Action, e.Actor, e.Target.ID, e.Reason = "article.n"+text, audit.User("u"+text), text, "reason "+text
		for i := range n % 70 {
			e.Metadata = append(e.Metadata, attribute.String("key."+strconv.Itoa(i), text))
		}
		if n%3 == 0 {
			e.Tenant, e.Actor.Roles = "tenant "+text, []string{"editor", text}
			e.Changes = []audit.Change{{Field: "title", Old: attribute.StringValue("a" + text), New: attribute.StringValue("b" + text)}}
			e.Metadata = append(e.Metadata, attribute.String("password", "hunter2 "+text), attribute.String("note", "cut\x00"))
		}
	})
}

// TestRecycledRecordsKeepNothing tracks events that differ in all fields, and compares each
// record with that of the same event tracked alone.
func TestRecycledRecordsKeepNothing(t *testing.T) {
	t.Parallel()
	const events, goroutines = 600, 8
	want := make([]string, events)
	for n := range events {
		want[n] = canonical(t, n)
	}
	small := sdk.WithBatchSize(7)
	direct, syncer, batcher, other, failing, mixer := &directSink{}, &sink{}, &sink{}, &sink{name: "other"}, &failingSink{}, &mixingSink{}
	for name, tt := range map[string]struct {
		opts  []sdk.Option
		sinks []received
	}{
		"direct syncer":    {[]sdk.Option{sdk.WithSyncer(direct)}, []received{direct}},
		"syncer":           {[]sdk.Option{sdk.WithSyncer(syncer)}, []received{syncer}},
		"batchers":         {[]sdk.Option{sdk.WithBatcher(batcher, small), sdk.WithBatcher(other)}, []received{batcher, other}},
		"failing exporter": {[]sdk.Option{sdk.WithBatcher(failing, small, sdk.WithBackoff(time.Nanosecond))}, []received{failing}},
		"mixing exporter":  {[]sdk.Option{sdk.WithBatcher(mixer, small)}, []received{mixer}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, tt.opts...)
			tracker := p.Tracker("test")
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for n := g; n < events; n += goroutines {
						assert.NoError(t, tracker.Track(t.Context(), numbered(n)))
					}
				})
			}
			wg.Wait()
			require.NoError(t, p.ForceFlush(t.Context()))
			for _, s := range tt.sinks {
				require.Len(t, s.all(), events)
				for _, r := range s.all() {
					n, err := strconv.Atoi(r.Target.ID)
					require.NoError(t, err)
					assert.Equal(t, want[n], withoutAssigned(t, r))
				}
			}
		})
	}
}

// received is a sink that knows what it received.
type received interface{ all() []*record.Record }

// failingSink accepts each second batch. The others are exported again.
type failingSink struct {
	sink
	calls int
}

func (s *failingSink) Export(ctx context.Context, records []*record.Record) error {
	if s.calls++; s.calls%2 == 0 {
		return errors.New("busy")
	}
	return s.sink.Export(ctx, records)
}

// mixingSink changes the slice, which an exporter must not do.
type mixingSink struct{ sink }

func (s *mixingSink) Export(ctx context.Context, records []*record.Record) error {
	err := s.sink.Export(ctx, records)
	for i := range records {
		records[i] = records[0]
	}
	return err
}

// canonical returns the record of a numbered event that is tracked alone, without the
// fields that the SDK assigns.
func canonical(t *testing.T, n int) string {
	t.Helper()
	s := &sink{}
	require.NoError(t, newTracker(t, sdk.WithSyncer(s)).Track(t.Context(), numbered(n)))
	return withoutAssigned(t, s.one(t))
}

func withoutAssigned(t *testing.T, r *record.Record) string {
	t.Helper()
	r.ID, r.Time, r.ObservedTime = audit.ID{1}, time.Unix(0, 0), time.Unix(0, 0)
	text, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return string(text)
}

// TestRetainedRecordsAreNotRecycled tests that a record which is retained does not change
// while others are tracked.
func TestRetainedRecordsAreNotRecycled(t *testing.T) {
	var kept *record.Record
	keep := func(r *record.Record) {
		if kept == nil {
			kept = r
		}
	}
	rejected := errors.New("rejected")
	for name, opts := range map[string][]sdk.Option{
		"by a processor": {
			sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
				keep(r)
				return next(ctx, r)
			})),
			sdk.WithSyncer(&directSink{}),
		},
		"by an exporter that failed": {
			sdk.WithSyncer(&directSink{sink{export: func(_ context.Context, records []*record.Record) error {
				keep(records[0])
				return rejected
			}}}),
		},
		"by the exporter of a batcher that failed": {
			sdk.WithBatcher(&sink{export: func(_ context.Context, records []*record.Record) error {
				keep(records[0])
				return export.Permanent(rejected)
			}}, sdk.WithBatchSize(1)),
		},
	} {
		kept = nil
		t.Run(name, func(t *testing.T) {
			p, err := sdk.NewTrackerProvider(opts...)
			require.NoError(t, err)
			for n := 1; n < 50; n++ {
				if err := p.Tracker("test").Track(t.Context(), numbered(n)); err != nil {
					require.ErrorIs(t, err, rejected)
				}
			}
			_ = p.Shutdown(t.Context()) // a batcher may report what it has not delivered
			assert.Equal(t, "1", kept.Target.ID)
			assert.Len(t, kept.Metadata, 1)
		})
	}
}

// TestHeldSignalsAreNotRecycled tracks intents while a scope holds a signal.
func TestHeldSignalsAreNotRecycled(t *testing.T) {
	t.Parallel()
	s := &directSink{}
	tracker := newTracker(t, sdk.WithSyncer(s))
	ctx, scope := audit.NewScope(t.Context(), audit.AsActor(audit.User("7")))
	signal := numbered(1000)
	signal.Kind = audit.KindSignal
	require.NoError(t, tracker.Track(ctx, signal))
	for n := range 20 {
		require.NoError(t, tracker.Track(ctx, numbered(n)))
	}
	require.NoError(t, scope.End(ctx))
	all := s.all()
	require.Len(t, all, 21)
	assert.Equal(t, "1000", all[20].Target.ID)
	assert.Equal(t, audit.KindSignal, all[20].Kind)
	assert.Equal(t, "reason 1000", all[20].Reason)
}
