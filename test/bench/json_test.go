package bench

import (
	"io"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// BenchmarkEncode encodes a record as JSON in memory.
func BenchmarkEncode(b *testing.B) {
	r := newRecord(b)
	b.Run("impl=audit", func(b *testing.B) {
		line := make([]byte, 0, 4096)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.AppendJSON(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=zerolog", func(b *testing.B) {
		logger := zerolog.New(io.Discard)
		b.ReportAllocs()
		for b.Loop() {
			e := logger.Info().
				Str("action", r.Action).
				Str("operation", r.Operation.String()).
				Str("actor.type", r.Actor.Type.String()).
				Str("actor.id", r.Actor.ID).
				Str("actor.name", r.Actor.Name).
				Str("actor.auth_method", r.Actor.AuthMethod).
				Str("target.type", r.Target.Type).
				Str("target.id", r.Target.ID).
				Str("outcome", r.Outcome.String()).
				Str("reason", r.Reason).
				Str("tenant", r.Tenant)
			for _, kv := range r.Metadata {
				e = e.Str(string(kv.Key), kv.Value.AsString())
			}
			// The other fields that every record has.
			e.Time("time", r.Time).Time("observed_time", r.ObservedTime).Stringer("id", r.ID).
				Str("kind", r.Kind.String()).Str("channel", r.Channel).
				Str("tracker.name", r.Tracker.Name).Str("tracker.version", r.Tracker.Version).
				Str("service.name", "shop").Send()
		}
	})
}

// BenchmarkDecode decodes a record from JSON.
func BenchmarkDecode(b *testing.B) {
	line, err := newRecord(b).AppendJSON(nil)
	require.NoError(b, err)
	b.Run("impl=audit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r record.Record
			if err := r.UnmarshalJSON(line); err != nil {
				b.Fatal(err)
			}
		}
	})
}
