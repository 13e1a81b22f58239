package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/opendeed/audit/record"
)

// directSyncer is the syncer of an export.DirectExporter. Since that cannot hang,
// Track's own goroutine calls Export, one at a time.
type directSyncer struct {
	sink
	mu      sync.Mutex        // held while Export runs
	records [1]*record.Record // what Export is given
}

func (s *directSyncer) Name() string { return s.name }

func (s *directSyncer) Deliver(ctx context.Context, r *record.Record, _ time.Duration) error {
	if ctx.Done() != nil { // else there is nothing to detach it from
		ctx = context.WithoutCancel(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[0] = r
	err := s.export(ctx, s.records[:])
	s.records[0] = nil
	return err
}

// ForceFlush has nothing to do: what Track accepted is delivered.
func (s *directSyncer) ForceFlush(context.Context) error { return nil }

func (s *directSyncer) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shutdown(ctx)
}
