package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

func TestResolveStage(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "shop"), attribute.String("db.password", "hunter2"))))
	tracker := p.Tracker("example.com/shop", audit.WithVersion("1.2.0"))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	ctx, _ = audit.NewScope(ctx, audit.WithChannel("api"), audit.WithTenant("scope tenant"))

	before := time.Now()
	e := with(func(e *audit.Event) { e.Action = " Article.Update "; e.Actor.SessionID = "test" })
	require.NoError(t, tracker.Track(ctx, e))
	r := s.one(t)
	assert.False(t, r.ID.IsZero())
	assert.Equal(t, "article.update", r.Action)
	assert.Equal(t, r.Time, r.ObservedTime)
	assert.WithinRange(t, r.Time, before, time.Now())
	assert.Equal(t, time.UTC, r.Time.Location())
	assert.Equal(t, record.Instrumentation{Name: "example.com/shop", Version: "1.2.0"}, r.Tracker)
	assert.Equal(t, span.TraceID(), r.TraceID)
	assert.Equal(t, span.SpanID(), r.SpanID)
	assert.Equal(t, "api", r.Channel)
	assert.Equal(t, "scope tenant", r.Tenant)
	assert.Equal(t, "9f86d081884c7d65", r.Actor.SessionID, "a fingerprint")
	assert.Equal(t, `db.password="***REDACTED***",service.name="shop"`, strings.NewReplacer("db.password=", `db.password="`, ",service.name=", `",service.name="`).Replace(r.Resource.String())+`"`)

	id := audit.NewID()
	at := time.Date(2001, 2, 3, 4, 5, 6, 7, time.FixedZone("far", 3600))
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.ID, e.Time, e.Tenant = id, at, "own" })))
	r = s.all()[1]
	assert.Equal(t, id, r.ID)
	assert.True(t, at.Equal(r.Time))
	assert.Equal(t, time.UTC, r.Time.Location())
	assert.Equal(t, "own", r.Tenant)
}

func TestInvalidUTF8InConfiguration(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "sh\xffop"), attribute.String("a\xff", "x"))))
	require.NoError(t, p.Tracker("na\xffme", audit.WithVersion("\x00")).Track(t.Context(), valid()))
	r := s.one(t)
	_, err := r.AppendJSON(nil)
	require.NoError(t, err, "every accepted record can be written")
	assert.Equal(t, record.Instrumentation{Name: `na\xffme`, Version: `\x00`}, r.Tracker)
	assert.Equal(t, []attribute.KeyValue{attribute.String(`a\xff`, "x"), attribute.String("service.name", `sh\xffop`)}, r.Resource.Attributes())
	assert.Equal(t, []mark.Mark{
		{Path: `resource.a\xff`, Kind: mark.Escaped}, {Path: "resource.service.name", Kind: mark.Escaped},
	}, r.Marks)
}

func TestTrackCopiesTheEvent(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithBatcher(s))
	e := valid()
	e.Metadata = []attribute.KeyValue{attribute.String("k", "v")}
	e.Changes = []audit.Change{{Field: "f", New: attribute.IntValue(1)}}
	e.Actor.Roles = []string{"editor"}
	e.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "7"}
	require.NoError(t, p.Tracker("test").Track(t.Context(), e))
	e.Metadata[0], e.Changes[0].Field, e.Actor.Roles[0], e.Actor.OnBehalfOf.ID = attribute.Int("x", 1), "x", "x", "x"
	require.NoError(t, p.ForceFlush(t.Context()))
	r := s.one(t)
	assert.Equal(t, "k", string(r.Metadata[0].Key))
	assert.Equal(t, "f", r.Changes[0].Field)
	assert.Equal(t, "editor", r.Actor.Roles[0])
	assert.Equal(t, "7", r.Actor.OnBehalfOf.ID)
}

func TestMetadataSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 5, 6, 7, 12, 13, 16, 17, 100} {
		s := &sink{}
		tracker := newTracker(t, sdk.WithSyncer(s))
		kvs := manyKeys(n)
		ctx, _ := audit.NewScope(t.Context(), audit.WithScopeMetadata(kvs[:n/2]...))
		require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) { e.Metadata = kvs[n/2:] })))
		got := s.one(t).Metadata
		assert.ElementsMatch(t, kvs, got)
		assert.IsNonDecreasing(t, keys(got))
	}
}

func keys(kvs []attribute.KeyValue) []string {
	out := []string{""}
	for _, kv := range kvs {
		out = append(out, string(kv.Key))
	}
	return out
}

func TestClone(t *testing.T) {
	t.Parallel()
	r := &record.Record{Event: valid(), Redacted: []string{"a"}, Overridden: []attribute.KeyValue{attribute.Int("o", 1)}}
	r.Metadata = []attribute.KeyValue{attribute.Int("m", 1)}
	r.Marks = []mark.Mark{{Path: "b"}}
	r.Changes = []audit.Change{{Field: "f"}}
	r.Actor.Roles = []string{"r"}
	c := r.Clone()
	require.Equal(t, r, c)
	c.Redacted[0], c.Marks[0].Path, c.Overridden[0].Key, c.Metadata[0].Key, c.Changes[0].Field, c.Actor.Roles[0] = "x", "x", "x", "x", "x", "x"
	assert.Equal(t, "a", r.Redacted[0])
	assert.Equal(t, "b", r.Marks[0].Path)
	assert.Equal(t, "o", string(r.Overridden[0].Key))
	assert.Equal(t, "m", string(r.Metadata[0].Key))
	assert.Equal(t, "f", r.Changes[0].Field)
	assert.Equal(t, "r", r.Actor.Roles[0])
}

func TestInvalidOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []sdk.Option
		want []string
	}{
		{"no delivery", nil, []string{"it has no delivery"}},
		{"nil exporters", []sdk.Option{sdk.WithSyncer(nil), sdk.WithBatcher(nil)}, []string{"WithSyncer: the exporter is nil", "WithBatcher: the exporter is nil"}},
		{"bad name", []sdk.Option{sdk.WithSyncer(&sink{name: "No Name"})}, []string{"does not match"}},
		{"duplicate name", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithBatcher(&sink{})}, []string{`two exporters are named "sink"`}},
		{"nil processor", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithProcessor(nil)}, []string{"a processor is nil"}},
		{"closer", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithCloser(nil)}, []string{"WithCloser: the function is nil"}},
		{"timeout", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithTrackTimeout(0)}, []string{"must be positive"}},
		{"anonymous", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithAnonymous("No!")}, []string{`"No!" is not an action pattern`}},
		{"actions", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithValidation(sdk.WithActions("a..b"))}, []string{`"a..b" is not an action`}},
		{"required", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithValidation(sdk.WithRequired("", "color"))}, []string{`"" is not an action pattern`, `"color" cannot be required`}},
		{"limits", []sdk.Option{sdk.WithSyncer(&sink{}), sdk.WithValidation(sdk.WithMaxMetadata(0))}, []string{"WithMaxMetadata: the limit must be positive"}},
		{"batch", []sdk.Option{sdk.WithBatcher(&sink{}, sdk.WithQueueSize(0), sdk.WithBatchInterval(0))}, []string{"WithQueueSize: the size must be at least 1", "WithBatchInterval: the interval must be positive"}},
		{"all at once", []sdk.Option{sdk.WithSyncer(nil), sdk.WithTrackTimeout(-1), nil}, []string{"the exporter is nil", "must be positive"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := sdk.NewTrackerProvider(tt.opts...)
			assert.Nil(t, p)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestResourceFromEnvironment(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=ignored")
	t.Setenv("OTEL_SERVICE_NAME", "shop")
	s := &sink{}
	require.NoError(t, newTracker(t, sdk.WithSyncer(s)).Track(t.Context(), valid()))
	assert.Equal(t, "deployment.environment.name=test,service.name=shop", s.one(t).Resource.String())
	assert.Empty(t, s.one(t).Resource.SchemaURL())

	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "no equals sign")
	_, err := sdk.NewTrackerProvider(sdk.WithSyncer(&sink{}))
	require.ErrorContains(t, err, "OTEL_RESOURCE_ATTRIBUTES")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	fail := false
	s := &sink{export: func(context.Context, []*record.Record) error {
		if fail {
			return errBroken
		}
		return nil
	}}
	b := &sink{name: "batched", export: func(context.Context, []*record.Record) error {
		return &export.PartialError{Rejected: map[int]error{0: export.Permanent(errBroken)}}
	}}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s), sdk.WithBatcher(b), sdk.WithLogger(slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))),
		sdk.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
		sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
			if r.Action == "drop.me" {
				return nil
			}
			return next(ctx, r)
		})))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	ctx := t.Context()
	require.NoError(t, tracker.Track(ctx, with(func(e *audit.Event) {
		e.Metadata = []attribute.KeyValue{attribute.String("password", "x")}
		e.Changes, _ = audit.Diff(map[string]any{}, map[string]any{"f": func() {}}, diff.WithFields(map[string]diff.Rule{"f": diff.Tracked}))
	})))
	require.ErrorContains(t, p.ForceFlush(ctx), "not delivered")
	bad := []audit.Event{
		with(func(e *audit.Event) { e.Action = "drop.me" }),
		with(func(e *audit.Event) { e.Action = "" }),
		with(func(e *audit.Event) { e.Actor = audit.Actor{} }),
		with(func(e *audit.Event) { e.Actor = audit.Anonymous() }),
	}
	for _, e := range bad {
		require.Error(t, tracker.Track(ctx, e))
	}
	resolverFails, _ := audit.NewScope(ctx, audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, errBroken }))
	require.Error(t, tracker.Track(resolverFails, with(func(e *audit.Event) { e.Actor = audit.Actor{} })))
	fail = true
	require.Error(t, tracker.Track(ctx, valid()))
	fail = false
	require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
		signal := with(func(e *audit.Event) { e.Kind = audit.KindSignal })
		return errors.Join(tracker.Track(ctx, signal), tracker.Track(ctx, valid()), tracker.Track(ctx, signal),
			tracker.Track(audit.SuppressSignals(ctx), signal))
	}))

	require.ErrorContains(t, p.Shutdown(ctx), "1 records were not delivered")

	got := collect(t, reader)
	assert.EqualValues(t, 2+4, got["audit.records.accepted"], "two events and four rejections")
	assert.EqualValues(t, 1, got["audit.records.redacted"])
	assert.EqualValues(t, 1, got["audit.values.unrepresentable"])
	assert.EqualValues(t, 2, got["audit.records.suppressed reason=covered"])
	assert.EqualValues(t, 1, got["audit.records.suppressed reason=context"])
	assert.EqualValues(t, 1, got["audit.records.rejected processor=sdk.ProcessorFunc,reason=dropped"])
	for _, reason := range []string{"invalid", "no_actor", "anonymous", "actor_resolver", "delivery"} {
		assert.EqualValues(t, 1, got["audit.records.rejected reason="+reason], reason)
	}
	assert.EqualValues(t, 2+4, got["audit.records.exported exporter=sink"])
	assert.EqualValues(t, 2, got["audit.records.lost exporter=batched"])
	assert.EqualValues(t, 2+4, got["audit.export.duration exporter=sink,outcome=success"])
	assert.EqualValues(t, 1, got["audit.export.duration exporter=sink,outcome=failure"])
}

// collect returns the sums of counters and the counts of histograms, by name and
// attributes.
func collect(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	got := map[string]int64{}
	key := func(name string, set attribute.Set) string {
		return strings.TrimSpace(name + " " + set.Encoded(attribute.DefaultEncoder()))
	}
	for _, scope := range data.ScopeMetrics {
		assert.Equal(t, "github.com/opendeed/audit/sdk", scope.Scope.Name)
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					got[key(m.Name, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					got[key(m.Name, p.Attributes)] = int64(p.Count)
				}
			}
		}
	}
	return got
}

func TestExportErrors(t *testing.T) {
	t.Parallel()
	assert.NoError(t, export.Permanent(nil))
	err := export.Permanent(errBroken)
	assert.True(t, export.IsPermanent(errors.Join(err)))
	assert.False(t, export.IsPermanent(errBroken))
	require.ErrorIs(t, err, errBroken)
	assert.EqualError(t, err, "broken")
	partial := &export.PartialError{Rejected: map[int]error{3: errBroken}}
	require.ErrorIs(t, partial, errBroken)
	assert.EqualError(t, partial, "export: 1 records of the batch were rejected, the first because broken")
}
