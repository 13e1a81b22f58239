package otlp_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
)

// watched is an exporter that remembers what was wrong.
type watched struct {
	export.Exporter
	mu   sync.Mutex
	errs []error
}

func (w *watched) Export(ctx context.Context, records []*record.Record) error {
	err := w.Exporter.Export(ctx, records)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errs = append(w.errs, err)
	}
	return err
}

// failed returns the errors of the exports that have failed.
func (w *watched) failed() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errs)
}

// service tracks events into a ledger that an exporter follows.
type service struct {
	t        *testing.T
	dir      string
	exporter *watched
	provider *sdk.TrackerProvider
	tracker  audit.Tracker
	tracked  atomic.Int64

	mu           sync.Mutex
	acknowledged map[string]bool
}

func newService(t *testing.T, e export.Exporter) *service {
	t.Helper()
	s := &service{
		t: t, dir: filepath.Join(t.TempDir(), "ledger"), exporter: &watched{Exporter: e}, acknowledged: map[string]bool{},
	}
	var err error
	s.provider, err = sdk.NewTrackerProvider(sdk.WithLogger(quiet), sdk.WithLedger(s.dir, sdk.ExportTo(s.exporter, sdk.WithBatchInterval(5*time.Millisecond), sdk.WithBackoff(5*time.Millisecond), sdk.WithExportTimeout(10*time.Second))))
	require.NoError(t, err)
	s.tracker = s.provider.Tracker("example.com/shop/articles", audit.WithVersion("1.2.0"))
	t.Cleanup(func() { // only what a failed test has left
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.provider.Shutdown(ctx)
	})
	return s
}

// track tracks n events, which the ledger takes whatever the collector does.
func (s *service) track(n int) {
	for range n {
		e := s.event(s.tracked.Add(1))
		if assert.NoError(s.t, s.tracker.Track(s.t.Context(), e)) {
			s.mu.Lock()
			s.acknowledged[e.ID.String()] = true
			s.mu.Unlock()
		}
	}
}

// event returns the nth event.
func (s *service) event(n int64) audit.Event {
	return audit.Event{
		ID: audit.NewID(), Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.Outcome(n % 4),
		Actor:  audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", SessionID: "secret", Roles: []string{"editor"}},
		Target: audit.Target{Type: "article", ID: fmt.Sprint(n), Name: "Hello"},
		Reason: strings.Repeat("x", 300), Tenant: "acme",
		Changes: []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}},
		Metadata: []attribute.KeyValue{
			attribute.Int64("sequence", n), attribute.Float64("share", 1), attribute.StringSlice("tags", nil),
		},
	}
}

// trackTogether tracks n events from several goroutines, which share the syncing.
func (s *service) trackTogether(n int) {
	var load sync.WaitGroup
	const together = 10
	for range together {
		load.Go(func() { s.track(n / together) })
	}
	load.Wait()
}

// underLoad tracks events all the time while f runs.
func (s *service) underLoad(f func()) {
	var load sync.WaitGroup
	defer load.Wait()
	over := make(chan struct{})
	defer close(over)
	load.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				s.track(3)
			}
		}
	})
	f()
}

// flush has everything delivered, or among the dead letters.
func (s *service) flush() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(s.t, s.provider.ForceFlush(ctx))
}

// settle has everything delivered and ends the service. It demands each acknowledged
// event in the sink, or among the dead letters, which it returns. A record in the sink is
// the ledger's, however often it came; repeated is how many came more than once.
func (s *service) settle(logs func() []collector.Log) (letters []sdk.DeadLetter, repeated int) {
	s.t.Helper()
	s.flush()
	letters = s.deadLetters()
	require.NoError(s.t, s.provider.Shutdown(s.t.Context()))

	want := map[string]string{}
	reader, err := ledgerquery.NewReader(s.dir)
	require.NoError(s.t, err)
	for r, err := range reader.Find(s.t.Context(), query.Filter{}) {
		require.NoError(s.t, err)
		want[r.ID.String()] = text(s.t, r)
	}
	require.Len(s.t, want, len(s.acknowledged))
	require.NotEmpty(s.t, want)
	refused := map[string]bool{}
	for _, letter := range letters {
		refused[letter.Record.ID.String()] = true
	}
	arrived := map[string]int{}
	for _, r := range decode(s.t, logs()) {
		arrived[r.ID.String()]++
		require.Equal(s.t, want[r.ID.String()], text(s.t, r))
	}
	for id := range s.acknowledged {
		require.Contains(s.t, want, id)
		require.NotEqual(s.t, refused[id], arrived[id] > 0, id)
	}
	for _, n := range arrived {
		if n > 1 {
			repeated++
		}
	}
	return letters, repeated
}

func (s *service) deadLetters() (letters []sdk.DeadLetter) {
	s.t.Helper()
	for letter, err := range s.provider.DeadLetters(s.t.Context()) {
		require.NoError(s.t, err)
		require.NotNil(s.t, letter.Record)
		letters = append(letters, letter)
	}
	return letters
}

// decode returns the records of what has arrived.
func decode(t *testing.T, logs []collector.Log) []*record.Record {
	t.Helper()
	var records []*record.Record
	for _, l := range logs {
		decoded, err := otlp.Decode(&logspb.ResourceLogs{
			Resource: l.Resource, SchemaUrl: l.SchemaURL,
			ScopeLogs: []*logspb.ScopeLogs{{Scope: l.Scope, LogRecords: []*logspb.LogRecord{l.Record}}},
		})
		require.NoError(t, err)
		require.Len(t, decoded, 1)
		records = append(records, decoded...)
	}
	return records
}

// text returns a record's JSON, which two records have in common only if they are the
// same.
func text(t *testing.T, r *record.Record) string {
	t.Helper()
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return string(b)
}
