package sdk

import (
	"context"
	"sync"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// directSyncer is the syncer of a DirectExporter. It cannot hang, so that Track's
// own goroutine calls Export, and those that come meanwhile wait for it.
type directSyncer struct {
	exporter export.Exporter
	id       string
	metrics  exporterMetrics

	mu      sync.Mutex        // held while Export runs
	records [1]*record.Record // what Export is given
}

func newDirectSyncer(p *TrackerProvider, e export.Exporter) *directSyncer {
	return &directSyncer{exporter: e, id: e.Name(), metrics: p.metrics.of(e.Name())}
}

func (s *directSyncer) name() string { return s.id }

func (s *directSyncer) deliver(ctx context.Context, r *record.Record, _ time.Duration) error {
	if ctx.Done() != nil { // else there is nothing to detach it from
		ctx = context.WithoutCancel(ctx)
	}
	start := s.metrics.start(ctx)
	err := s.export(ctx, r)
	s.metrics.exportOne(ctx, start, err)
	return err
}

func (s *directSyncer) export(ctx context.Context, r *record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[0] = r
	err := exportOne(ctx, s.exporter, s.records[:])
	s.records[0] = nil
	return err
}

// forceFlush has nothing to do: what Track accepted is delivered.
func (s *directSyncer) forceFlush(context.Context) error { return nil }

func (s *directSyncer) shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return shutdownExporter(ctx, s.exporter)
}
