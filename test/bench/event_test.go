package bench

import (
	"context"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// scopeMetadata returns the metadata that a middleware would add.
func scopeMetadata() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("http.request.method", "PATCH"),
		attribute.String("http.route", "/articles/:id"),
		attribute.String("url.path", "/articles/1001"),
		attribute.String("client.address", "203.0.113.7"),
		attribute.String("network.peer.address", "10.0.0.1"),
		attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
		attribute.String("http.request.id", "0199c1f2-aaaa-7bbb-8ccc-000000000001"),
	}
}

// event returns an event of an application. Benchmarks call it for each operation, since real code
// creates each event anew.
func event() audit.Event {
	return audit.Event{
		Action:    "article.update",
		Operation: audit.OperationUpdate,
		Actor:     audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt"},
		Target:    audit.Target{Type: "article", ID: "1001"},
		Outcome:   audit.OutcomeSuccess,
		Reason:    "editorial approval",
		Tenant:    "acme",
		Metadata: []attribute.KeyValue{
			attribute.String("app.version", "1.2.0"),
			attribute.String("app.region", "eu-west-1"),
			attribute.String("feature.flag", "beta-editor"),
			attribute.String("order.number", "A-1001"),
			attribute.String("workflow.step", "review"),
		},
	}
}

// discard is an exporter that accepts and discards all records.
type discard struct{}

func (discard) Name() string                                   { return "discard" }
func (discard) Export(context.Context, []*record.Record) error { return nil }
func (discard) Shutdown(context.Context) error                 { return nil }

// newTracker returns a tracker, and a context with a scope and its metadata.
func newTracker(b *testing.B, opt sdk.Option) (context.Context, audit.Tracker) {
	b.Helper()
	p, err := sdk.NewTrackerProvider(opt, sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))))
	require.NoError(b, err)
	ctx, scope := audit.NewScope(context.Background(), audit.WithScopeMetadata(scopeMetadata()...), audit.WithChannel("api"))
	b.Cleanup(func() {
		require.NoError(b, scope.End(ctx))
		require.NoError(b, p.Shutdown(context.Background()))
	})
	return ctx, p.Tracker("example.com/shop/articles", audit.WithVersion("1.2.0"))
}

// inParallel calls fn b.N times from the given number of goroutines.
func inParallel(b *testing.B, goroutines int, fn func() error) {
	b.Helper()
	var wg sync.WaitGroup
	for i := range goroutines {
		n := b.N / goroutines
		if i < b.N%goroutines {
			n++
		}
		wg.Go(func() {
			for range n {
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// newRecord returns the record of the event.
func newRecord(b *testing.B) *record.Record {
	b.Helper()
	var got *record.Record
	ctx, tracker := newTracker(b, sdk.WithSyncer(&keep{&got}))
	require.NoError(b, tracker.Track(ctx, event()))
	return got
}

// keep is an exporter that keeps the last record.
type keep struct{ last **record.Record }

func (*keep) Name() string { return "keep" }

func (k *keep) Export(_ context.Context, records []*record.Record) error {
	*k.last = records[len(records)-1].Clone()
	return nil
}

func (*keep) Shutdown(context.Context) error { return nil }
