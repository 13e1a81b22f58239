package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
)

// sink calls an exporter: it counts and times the calls, and turns panics into errors.
type sink struct {
	exporter export.Exporter
	name     string
	metrics  exporterMetrics
}

func newSink(e export.Exporter, m *Metrics) sink {
	return sink{exporter: e, name: e.Name(), metrics: m.of(e.Name())}
}

// export calls Export. After a panic it isn't known whether the records were stored.
func (s *sink) export(ctx context.Context, records []*record.Record) error {
	start := s.metrics.start(ctx)
	err := s.call(ctx, records)
	s.metrics.export(ctx, start, delivered(len(records), err), err)
	return err
}

func (s *sink) call(ctx context.Context, records []*record.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(panics.Error(p), audit.ErrMaybeStored)
		}
	}()
	return s.exporter.Export(ctx, records)
}

// exportWithin calls Export with a timeout.
func (s *sink) exportWithin(ctx context.Context, timeout time.Duration, records []*record.Record) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.export(ctx, records)
}

func (s *sink) shutdown(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panics.Error(p)
		}
	}()
	return s.exporter.Shutdown(ctx)
}

// delivered returns how many of n records the sink has after Export returned err.
func delivered(n int, err error) int {
	if err == nil {
		return n
	}
	if partial, ok := errors.AsType[*export.PartialError](err); ok {
		return n - len(partial.Rejected)
	}
	return 0
}

// rejection reports whether the record at index i was rejected, and why.
func rejection(err error, i int) (rejected bool, reason error) {
	if partial, ok := errors.AsType[*export.PartialError](err); ok {
		reason, rejected = partial.Rejected[i]
		return rejected, reason
	}
	return err != nil, err
}
