package otlp_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	"github.com/opendeed/audit/test/workload"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
)

// observed is an exporter that keeps the errors of its exports.
type observed struct {
	export.Exporter
	mu   sync.Mutex
	errs []error
}

func (o *observed) Export(ctx context.Context, records []*record.Record) error {
	err := o.Exporter.Export(ctx, records)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.errs = append(o.errs, err)
	}
	return err
}

// failures returns the errors of all failed exports.
func (o *observed) failures() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.errs)
}

// service is a workload whose exporter is observed.
type service struct {
	*workload.Workload
	t        *testing.T
	exporter *observed
}

func newService(t *testing.T, e export.Exporter) *service {
	t.Helper()
	s := &service{t: t, exporter: &observed{Exporter: e}}
	s.Workload = workload.Start(t, s.exporter, event, sdk.WithExportTimeout(10*time.Second))
	return s
}

// event returns the event with number n.
func event(n int64) audit.Event {
	return audit.Event{
		Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.Outcome(n % 3), // denials fold
		Actor:  audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", SessionID: "secret", Roles: []string{"editor"}},
		Target: audit.Target{Type: "article", ID: fmt.Sprint(n), Name: "Hello"},
		Reason: strings.Repeat("x", 300), Tenant: "acme",
		Changes: []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}},
		Metadata: []attribute.KeyValue{
			attribute.Int64("sequence", n), attribute.Float64("share", 1), attribute.StringSlice("tags", nil),
		},
	}
}

// settle finishes the workload. It requires that each acknowledged event is either in the logs or a
// dead letter, and that each record in the logs equals that in the ledger. It returns the dead
// letters and how many records are in the logs more than once.
func (s *service) settle(logs func() []collector.Log) (letters []sdk.DeadLetter, repeated int) {
	s.t.Helper()
	acknowledged, letters := s.Finish()

	want := map[audit.ID]string{}
	reader, err := ledgerquery.NewReader(s.Dir)
	require.NoError(s.t, err)
	for r, err := range reader.Find(s.t.Context(), query.Filter{}) {
		require.NoError(s.t, err)
		want[r.ID] = text(s.t, r)
	}
	require.Len(s.t, want, len(acknowledged))
	rejected := map[audit.ID]bool{}
	for _, letter := range letters {
		rejected[letter.Record.ID] = true
	}
	arrived := map[audit.ID]int{}
	for _, r := range decode(s.t, logs()) {
		arrived[r.ID]++
		require.Equal(s.t, want[r.ID], text(s.t, r))
	}
	for id := range acknowledged {
		require.Contains(s.t, want, id)
		require.NotEqual(s.t, rejected[id], arrived[id] > 0, id)
	}
	for _, n := range arrived {
		if n > 1 {
			repeated++
		}
	}
	return letters, repeated
}

// decode returns the records of the log records.
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

// text returns the JSON of a record. Only equal records have the same JSON.
func text(t *testing.T, r *record.Record) string {
	t.Helper()
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return string(b)
}
