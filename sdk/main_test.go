package sdk_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is an exporter whose behavior the test chooses. It remembers the records.
type sink struct {
	name     string
	export   func(ctx context.Context, records []*record.Record) error // nil accepts everything
	shutdown func(ctx context.Context) error

	mu        sync.Mutex
	records   []*record.Record
	batches   []int
	shutdowns int
}

func (s *sink) Name() string {
	if s.name == "" {
		return "sink"
	}
	return s.name
}

func (s *sink) Export(ctx context.Context, records []*record.Record) error {
	if s.export != nil {
		if err := s.export(ctx, records); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, len(records))
	for _, r := range records {
		s.records = append(s.records, r.Clone())
	}
	return nil
}

func (s *sink) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.shutdowns++
	s.mu.Unlock()
	if s.shutdown != nil {
		return s.shutdown(ctx)
	}
	return nil
}

// all returns the records, except those of rejections.
func (s *sink) all() []*record.Record {
	return slices.DeleteFunc(s.everything(), isRejection)
}

// rejections returns the records of rejections.
func (s *sink) rejections() []*record.Record {
	return slices.DeleteFunc(s.everything(), func(r *record.Record) bool { return !isRejection(r) })
}

func isRejection(r *record.Record) bool { return r.Action == semconv.ActionRejected }

func (s *sink) everything() []*record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// sizes returns the sizes of the batches.
func (s *sink) sizes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

// one returns the only record of the sink.
func (s *sink) one(t *testing.T) *record.Record {
	t.Helper()
	all := s.all()
	require.Len(t, all, 1)
	return all[0]
}

// newTracker returns a tracker of a provider that is shut down when the test ends.
func newTracker(t *testing.T, opts ...sdk.Option) audit.Tracker {
	t.Helper()
	return newProvider(t, opts...).Tracker("test")
}

func newProvider(t *testing.T, opts ...sdk.Option) *sdk.TrackerProvider {
	t.Helper()
	p, err := sdk.NewTrackerProvider(opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		assert.NoError(t, p.Shutdown(ctx))
	})
	return p
}

// valid returns an event that is recorded unchanged.
func valid() audit.Event {
	return audit.Event{
		Action:  "article.update",
		Actor:   audit.User("42"),
		Target:  audit.Target{Type: "article", ID: "1001"},
		Outcome: audit.OutcomeSuccess,
	}
}

// with returns a valid event after change has modified it.
func with(change func(*audit.Event)) audit.Event {
	e := valid()
	change(&e)
	return e
}
