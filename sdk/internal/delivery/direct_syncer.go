package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/opendeed/audit/record"
)

// directSyncer exports to an export.DirectExporter. That does not hang, so the goroutine
// of Track calls Export itself. Calls are serialized.
type directSyncer struct {
	sink
	mu      sync.Mutex        // held while Export runs
	records [1]*record.Record // argument of Export
}

func (s *directSyncer) Name() string { return s.name }

func (s *directSyncer) Deliver(ctx context.Context, r *record.Record, _ time.Duration) error {
	if ctx.Done() != nil { // it can be canceled
		ctx = context.WithoutCancel(ctx)
	}
	start := s.metrics.start(ctx)
	err := s.callLocked(ctx, r)
	s.metrics.export(ctx, start, delivered(1, err), err) // may track by this syncer
	if err != nil {
		err = s.clean(err, []*record.Record{r})
	}
	return err
}

func (s *directSyncer) callLocked(ctx context.Context, r *record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[0] = r
	err := s.call(ctx, s.records[:])
	s.records[0] = nil
	return err
}

func (s *directSyncer) DeliverAll(ctx context.Context, records []*record.Record, _ time.Duration) []error {
	ctx = context.WithoutCancel(ctx)
	start := s.metrics.start(ctx)
	s.mu.Lock()
	err := s.call(ctx, records)
	s.mu.Unlock()
	s.metrics.export(ctx, start, delivered(len(records), err), err)
	return errsOf(len(records), err)
}

// ForceFlush returns nil: every record that Track accepted is exported.
func (s *directSyncer) ForceFlush(context.Context) error { return nil }

func (s *directSyncer) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shutdown(ctx)
}
