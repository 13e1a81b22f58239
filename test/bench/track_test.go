package bench

import (
	"context"
	"io"
	"testing"

	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// BenchmarkTrackBatched passes the event to a batch processor whose exporter discards it.
func BenchmarkTrackBatched(b *testing.B) {
	b.Run("impl=audit", func(b *testing.B) {
		ctx, tracker := newTracker(b, sdk.WithBatcher(discard{}))
		b.ReportAllocs()
		for b.Loop() {
			if err := tracker.Track(ctx, event()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=otel", func(b *testing.B) { benchmarkEmit(b) })
	b.Run("impl=otel-dup", func(b *testing.B) { benchmarkEmit(b, sdklog.WithAllowKeyDuplication()) })
}

func benchmarkEmit(b *testing.B, opts ...sdklog.LoggerProviderOption) {
	b.Helper()
	p := sdklog.NewLoggerProvider(append(opts, sdklog.WithProcessor(sdklog.NewBatchProcessor(discardLogs{})))...)
	b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
	logger := p.Logger("example.com/shop/articles", log.WithInstrumentationVersion("1.2.0"))
	ctx, scope := context.Background(), scopeMetadata()
	b.ReportAllocs()
	for b.Loop() {
		logger.Emit(ctx, logRecord(scope))
	}
}

// logRecord returns the event as an OpenTelemetry log record.
func logRecord(scope []attribute.KeyValue) (r log.Record) {
	e := event()
	r.SetEventName(e.Action)
	r.SetSeverity(log.SeverityInfo)
	r.AddAttributes(
		attribute.String("audit.operation", e.Operation.String()),
		attribute.String("audit.actor.type", e.Actor.Type.String()),
		attribute.String("audit.actor.id", e.Actor.ID),
		attribute.String("audit.actor.name", e.Actor.Name),
		attribute.String("audit.actor.auth_method", e.Actor.AuthMethod),
		attribute.String("audit.target.type", e.Target.Type),
		attribute.String("audit.target.id", e.Target.ID),
		attribute.String("audit.outcome", e.Outcome.String()),
		attribute.String("audit.reason", e.Reason),
		attribute.String("audit.tenant", e.Tenant),
	)
	r.AddAttributes(scope...)
	r.AddAttributes(e.Metadata...)
	return r
}

// discardLogs is an OpenTelemetry exporter that discards all records.
type discardLogs struct{}

func (discardLogs) Export(context.Context, []sdklog.Record) error { return nil }
func (discardLogs) Shutdown(context.Context) error                { return nil }
func (discardLogs) ForceFlush(context.Context) error              { return nil }

// BenchmarkTrackJSON writes the event synchronously as a JSON line to io.Discard.
func BenchmarkTrackJSON(b *testing.B) {
	b.Run("impl=audit", func(b *testing.B) {
		exporter, err := stdout.New(stdout.WithWriter(io.Discard))
		require.NoError(b, err)
		ctx, tracker := newTracker(b, sdk.WithSyncer(exporter))
		b.ReportAllocs()
		for b.Loop() {
			if err := tracker.Track(ctx, event()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=zap", func(b *testing.B) {
		logger := zap.New(zapcore.NewCore(
			zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
		scope := scopeMetadata()
		b.ReportAllocs()
		for b.Loop() {
			e := event()
			fields := make([]zap.Field, 0, 22)
			fields = append(fields,
				zap.Stringer("operation", e.Operation),
				zap.Stringer("actor.type", e.Actor.Type),
				zap.String("actor.id", e.Actor.ID),
				zap.String("actor.name", e.Actor.Name),
				zap.String("actor.auth_method", e.Actor.AuthMethod),
				zap.String("target.type", e.Target.Type),
				zap.String("target.id", e.Target.ID),
				zap.Stringer("outcome", e.Outcome),
				zap.String("reason", e.Reason),
				zap.String("tenant", e.Tenant),
			)
			for _, kv := range scope {
				fields = append(fields, zap.String(string(kv.Key), kv.Value.AsString()))
			}
			for _, kv := range e.Metadata {
				fields = append(fields, zap.String(string(kv.Key), kv.Value.AsString()))
			}
			logger.Info(e.Action, fields...)
		}
	})
}
