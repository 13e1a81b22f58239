package erasure_test

import (
	"context"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

const email = "alice.liddell@wonderland.example"

func newVault(t *testing.T, store erasure.KeyStore, opts ...erasure.Option) *erasure.Vault {
	t.Helper()
	v, err := erasure.NewVault(store, opts...)
	require.NoError(t, err)
	return v
}

// byActor makes customer.* and the names of actors and targets erasable.
func byActor(v *erasure.Vault) sdk.Option {
	s := redact.Erasable(v.For(erasure.Actor))
	return sdk.WithRedaction(redact.WithKeyStrategy("customer.*", s), redact.WithFieldStrategy("actor.name", s),
		redact.WithFieldStrategy("target.name", redact.Erasable(v.For(erasure.Target))), redact.WithFieldStrategy("reason", s))
}

// sink keeps what is exported.
type sink struct{ records []*record.Record }

func (*sink) Name() string { return "sink" }

func (s *sink) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		s.records = append(s.records, r.Clone())
	}
	return nil
}

func (*sink) ForceFlush(context.Context) error { return nil }
func (*sink) Shutdown(context.Context) error   { return nil }

var _ export.Exporter = (*sink)(nil)

// tracked returns the record of an event, as it is stored.
func tracked(t *testing.T, e audit.Event, opts ...sdk.Option) *record.Record {
	t.Helper()
	s := &sink{}
	p, err := sdk.NewTrackerProvider(append(opts, sdk.WithSyncer(s))...)
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), e))
	require.NoError(t, p.Shutdown(t.Context()))
	require.Len(t, s.records, 1)
	b, err := s.records[0].AppendJSON(nil)
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), record.MaxSize)
	var stored record.Record
	require.NoError(t, stored.UnmarshalJSON(b))
	return &stored
}

// newEvent returns an event with erasable values.
func newEvent() audit.Event {
	alice := audit.User("42")
	alice.Name = "Alice Liddell"
	return audit.Event{
		ID: audit.ID{5: 1, 6: 0x70, 8: 0x80, 15: 1}, Time: time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC),
		Action: "customer.update", Actor: alice, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "patient", ID: "7", Name: "Dormouse"},
		Changes: []audit.Change{
			{Field: "customer.email", Old: attribute.StringValue("old@wonderland.example"), New: attribute.StringValue(email)},
			{Field: "customer.größe in m", New: attribute.Float64Value(1.5)},
		},
		Reason: "Alice asked for it",
		Metadata: []attribute.KeyValue{
			attribute.String("customer.email", email),
			attribute.StringSlice("customer.phones", []string{"one", "two"}),
			attribute.Map("form", attribute.String("customer.city", "Oxford"), attribute.String("color", "red")),
			attribute.Slice("people", attribute.MapValue(attribute.String("customer.a", "x")), attribute.MapValue(attribute.String("customer.a", "y"))),
			attribute.String("color", "red"),
		},
	}
}

func requireErased(t *testing.T, err error) {
	t.Helper()
	var erased *erasure.ErasedError
	require.ErrorAs(t, err, &erased)
}
