package audittest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

// Recorder is an audit.TrackerProvider that keeps records in memory. It is safe for
// concurrent use.
type Recorder struct {
	embedded.TrackerProvider

	provider *sdk.TrackerProvider
	memory   memory
}

var _ audit.TrackerProvider = (*Recorder)(nil)

// shutdownTimeout bounds how long the end of a test waits for other exporters.
const shutdownTimeout = 10 * time.Second

// NewRecorder returns a Recorder. Pass it the options of the provider in production, such
// as sdk.WithAnonymous, sdk.WithRedaction or sdk.WithProcessor. A record is in the Recorder
// when Track returns, even if a delivery that an option adds fails.
//
// NewRecorder ends the test if an option is invalid. When the test ends, the provider is
// shut down; an error of Shutdown fails the test. So does what production code is not told,
// such as audit.SetReason without an event that could have it, unless an option
// sdk.WithErrorHandler expects that. Route intents of its trackers that succeed without a
// target are reported too.
func NewRecorder(tb testing.TB, opts ...sdk.Option) *Recorder {
	tb.Helper()
	unexpected := func(_ context.Context, err error) { tb.Errorf("audittest: %v", err) }
	r, err := newRecorder(append([]sdk.Option{sdk.WithErrorHandler(unexpected)}, opts...))
	if err != nil {
		tb.Fatalf("audittest: %v", err)
		return nil
	}
	tb.Cleanup(func() {
		if err := r.shutdown(); err != nil {
			tb.Errorf("audittest: shutting down: %v", err)
		}
	})
	return r
}

func newRecorder(opts []sdk.Option) (*Recorder, error) {
	r := &Recorder{}
	provider, err := sdk.NewTrackerProvider(append([]sdk.Option{sdk.WithSyncer(&r.memory)}, opts...)...)
	r.provider = provider
	return r, err
}

func (r *Recorder) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return r.provider.Shutdown(ctx)
}

// Tracker returns a tracker whose events r records.
func (r *Recorder) Tracker(name string, opts ...audit.TrackerOption) audit.Tracker {
	return tracker{r.provider.Tracker(name, opts...)}
}

// tracker is a tracker of the SDK for which more counts as a mistake.
type tracker struct{ audit.Tracker }

var (
	_ plumbing.Checker        = tracker{}
	_ plumbing.Reporter       = tracker{}
	_ plumbing.RequestCounter = tracker{}
	_ plumbing.LossCounter    = tracker{}
)

// Check implements plumbing.Checker.
func (t tracker) Check(ctx context.Context, e audit.Event, final func(field string) bool) error {
	return plumbing.Check(ctx, t.Tracker, e, final)
}

// Report implements plumbing.Reporter.
func (t tracker) Report(ctx context.Context, err error) { inside.Audit.Report(ctx, t.Tracker, err) }

// CountRequest implements plumbing.RequestCounter.
func (t tracker) CountRequest(as plumbing.RequestCount) { plumbing.CountRequest(t.Tracker, as) }

// CountLoss implements plumbing.LossCounter.
func (t tracker) CountLoss(reason string, n int64) { plumbing.CountLoss(t.Tracker, reason, n) }

// ChecksTargets makes route intents without a target errors: see instrumentation/request.
func (tracker) ChecksTargets() bool { return true }

// Records returns copies of the records since the start or the last Reset, in order. A
// signal that a scope holds is recorded when the scope ends.
func (r *Recorder) Records() []*record.Record {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	copies := make([]*record.Record, len(r.memory.records))
	for i, record := range r.memory.records {
		copies[i] = record.Clone()
	}
	return copies
}

// Reset removes all records.
func (r *Recorder) Reset() {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	r.memory.records = nil
}

// memory is an exporter that keeps the records.
type memory struct {
	mu      sync.Mutex
	records []*record.Record
}

var _ export.DirectExporter = (*memory)(nil)

func (*memory) Name() string { return "recorder" }

func (*memory) Direct() bool { return true }

func (m *memory) Export(_ context.Context, records []*record.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		m.records = append(m.records, r.Clone())
	}
	return nil
}

func (*memory) Shutdown(context.Context) error { return nil }
