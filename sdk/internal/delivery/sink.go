package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/gaps"
)

// sink calls an exporter. It counts and times the calls, turns panics into errors, reports
// calls that hang, and redacts errors before anybody sees them.
type sink struct {
	exporter export.Exporter
	name     string
	metrics  exporterMetrics
	counts   *gaps.Counts
	logger   *slog.Logger
	redact   func(string) string
}

func newSink(e export.Exporter, env Env) sink {
	return sink{exporter: e, name: e.Name(), metrics: env.Metrics.of(e.Name()), counts: env.Counts, logger: env.Logger, redact: env.Redact}
}

// export calls Export. A panic becomes an error that matches audit.ErrMaybeStored.
func (s *sink) export(ctx context.Context, records []*record.Record) error {
	start := s.metrics.start(ctx)
	err := s.call(ctx, records)
	s.metrics.export(ctx, start, delivered(len(records), err), err)
	return s.clean(err, records)
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
	watch := time.AfterFunc(timeout+abortGrace, func() { s.reportHung("Export", timeout) })
	defer watch.Stop()
	return s.export(ctx, records)
}

// reportHung logs and counts a call that has not returned in time. It is called once for
// each such call.
func (s *sink) reportHung(method string, timeout time.Duration) {
	ctx := context.Background()
	s.metrics.hung.Add(ctx, 1, s.metrics.exporter...)
	s.logger.LogAttrs(ctx, slog.LevelError, "audit: an exporter hangs: it did not return when its context ended, and gets no further records until it does",
		slog.String("exporter", s.name), slog.String("method", method), slog.Duration("timeout", timeout))
}

// shutdown shuts the exporter down. If it ignores ctx, shutdown returns without it.
func (s *sink) shutdown(ctx context.Context) error {
	returned := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				returned <- panics.Error(p)
			}
		}()
		returned <- s.exporter.Shutdown(ctx)
	}()
	select {
	case err := <-returned:
		return s.clean(err, nil)
	case <-ctx.Done():
	}
	select {
	case err := <-returned:
		return s.clean(err, nil)
	case <-time.After(abortGrace):
		s.reportHung("Shutdown", 0)
		return fmt.Errorf("the exporter is still shutting down: %w", ctx.Err())
	}
}

// delivered returns how many of n records were exported when Export returned err.
func delivered(n int, err error) int {
	if err == nil {
		return n
	}
	if partial, ok := errors.AsType[*export.PartialError](err); ok {
		return n - len(partial.Rejected)
	}
	return 0
}

// split returns the elements of a batch that are worth another attempt after Export
// returned err, and those that were rejected permanently, with the reasons.
func split[T any](batch []T, err error) (again, permanent []T, reasons []error) {
	for i, element := range batch {
		switch rejected, reason := rejection(err, i); {
		case !rejected: // delivered
		case export.IsPermanent(reason):
			permanent, reasons = append(permanent, element), append(reasons, reason)
		default:
			again = append(again, element)
		}
	}
	return again, permanent, reasons
}

// rejection reports whether the record at index i was rejected, and why.
func rejection(err error, i int) (rejected bool, reason error) {
	if partial, ok := errors.AsType[*export.PartialError](err); ok {
		reason, rejected = partial.Rejected[i]
		return rejected, reason
	}
	return err != nil, err
}

// sleep waits for the duration d, and reports whether the caller should continue. It
// returns early, with true, when wake receives an element, and with false when ctx ends.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}
