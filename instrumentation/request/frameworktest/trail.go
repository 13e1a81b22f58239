package frameworktest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Trail keeps the records of a test. It is an exporter, whose methods may be called
// concurrently.
type Trail struct {
	mu      sync.Mutex
	records []*record.Record
}

// NewTracker returns a tracker and the trail that has its records. Its provider, which has
// the options, is shut down when the test ends.
func NewTracker(tb testing.TB, opts ...sdk.Option) (audit.Tracker, *Trail) {
	tb.Helper()
	s := &Trail{}
	p, err := sdk.NewTrackerProvider(append(opts, sdk.WithSyncer(s), sdk.WithResource(resource.Empty()))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return p.Tracker("test"), s
}

// Name returns "trail".
func (s *Trail) Name() string { return "trail" }

// Export keeps copies of the records.
func (s *Trail) Export(_ context.Context, records []*record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.records = append(s.records, r.Clone())
	}
	return nil
}

// Shutdown does nothing.
func (s *Trail) Shutdown(context.Context) error { return nil }

// All returns the records so far.
func (s *Trail) All() []*record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// Records returns the records so far, except those of rejections.
func (s *Trail) Records() []*record.Record {
	return slices.DeleteFunc(s.All(), func(r *record.Record) bool { return r.Action == semconv.ActionRejected })
}

// RequireRecords fails the test at once unless those are the [Trail.Records]. A wanted record
// is a JSON object in the wire form without id, time, observed_time, tracker and resource. An
// attempt is "its own" if the record begins it, and "the first" if the first record does.
func (s *Trail) RequireRecords(tb testing.TB, want ...string) {
	tb.Helper()
	requireRecords(tb, describe(tb, s.Records()), want)
}

func requireRecords(tb testing.TB, got, want []string) {
	tb.Helper()
	sorted := make([]string, len(want))
	for i, line := range want {
		sorted[i] = encode(tb, decode(tb, line))
	}
	if !slices.Equal(got, sorted) {
		tb.Fatalf("the records are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(sorted, "\n"))
	}
}

// describe returns the records in their wire form, without members that differ from run to
// run or are always the same.
func describe(tb testing.TB, records []*record.Record) []string {
	tb.Helper()
	lines := make([]string, 0, len(records))
	for _, r := range records {
		b, err := r.AppendJSON(nil)
		if err != nil {
			tb.Fatal(err)
		}
		members := decode(tb, string(b))
		maps.DeleteFunc(members, func(name string, _ any) bool {
			return slices.Contains([]string{"id", "time", "observed_time", "tracker", "resource"}, name)
		})
		switch r.Attempt {
		case r.ID:
			members["attempt"] = "its own"
		case records[0].ID:
			members["attempt"] = "the first"
		}
		lines = append(lines, encode(tb, members))
	}
	return lines
}

func decode(tb testing.TB, object string) (members map[string]any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		tb.Fatalf("%v: %s", err, object)
	}
	return members
}

// encode returns a JSON object with sorted members.
func encode(tb testing.TB, members map[string]any) string {
	tb.Helper()
	line, err := json.Marshal(members)
	if err != nil {
		tb.Fatal(err)
	}
	return string(line)
}

// Errors is an error handler that keeps the errors. Its methods may be called concurrently.
type Errors struct {
	mu   sync.Mutex
	errs []error
}

// Handle is an error handler.
func (l *Errors) Handle(_ context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// All returns the errors so far.
func (l *Errors) All() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.errs)
}
