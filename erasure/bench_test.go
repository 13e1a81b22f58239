package erasure_test

import (
	"context"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// BenchmarkSeal makes one value erasable, of a subject whose key is remembered.
func BenchmarkSeal(b *testing.B) {
	v, err := erasure.NewVault(newRemote())
	require.NoError(b, err)
	s := v.For(erasure.Actor)
	r := &record.Record{}
	r.ID, r.Actor = audit.NewID(), audit.User("42")
	value := attribute.StringValue(email)
	b.ReportAllocs()
	for b.Loop() {
		text, _, _ := s.Seal(r, "metadata.customer.email", value)
		if text == "" {
			b.Fatal("the value was masked")
		}
	}
}

// discard is an exporter that never blocks.
type discard struct{}

func (discard) Name() string                                   { return "discard" }
func (discard) Export(context.Context, []*record.Record) error { return nil }
func (discard) Shutdown(context.Context) error                 { return nil }
func (discard) Direct() bool                                   { return true }

// BenchmarkTrack records an event with an email address that is masked, or erasable. They run in
// turns, so that the difference is that of the value.
func BenchmarkTrack(b *testing.B) {
	v, err := erasure.NewVault(newRemote())
	require.NoError(b, err)
	var trackers []audit.Tracker
	for _, strategy := range []redact.Strategy{redact.Mask(), redact.Erasable(v.For(erasure.Actor))} {
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(discard{}), sdk.WithRedaction(redact.WithKeyStrategy("customer.*", strategy)))
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
		trackers = append(trackers, p.Tracker("bench"))
	}
	event := audit.Event{
		Action: "customer.update", Actor: audit.User("42"), Target: audit.Target{Type: "customer", ID: "1001"}, Outcome: audit.OutcomeSuccess,
		Metadata: []attribute.KeyValue{attribute.String("customer.email", email)},
	}
	var took [2]time.Duration
	for b.Loop() {
		for i, t := range trackers {
			start := time.Now()
			if err := t.Track(b.Context(), event); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "masked-ns")
	b.ReportMetric(float64(took[1].Nanoseconds())/float64(b.N), "erasable-ns")
}
