package exporttest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// fixture creates the exporters of a check and reads their sinks.
type fixture struct {
	open func() export.Exporter
	read func() []*record.Record
}

// callTimeout is how long a call may take. It is long, because its purpose is to find
// calls that never return.
const callTimeout = 30 * time.Second

// with calls use with a new exporter, then shuts it down.
func (f fixture) with(ctx context.Context, use func(e export.Exporter) error) error {
	e := f.open()
	err := use(e)
	if errors.Is(err, errHung) {
		return err // Export may still be running, and calls must not overlap
	}
	return errors.Join(err, shutdown(ctx, e))
}

// callExport calls Export. exportErr is the error that it returned; violation is a
// violation of the contract, such as a call that did not return.
func callExport(ctx context.Context, e export.Exporter, records []*record.Record) (exportErr, violation error) {
	exportErr, violation = within("Export", func() error { return e.Export(ctx, records) })
	var partial *export.PartialError
	if !errors.As(exportErr, &partial) {
		return exportErr, violation
	}
	for i, reason := range partial.Rejected {
		if i < 0 || i >= len(records) || reason == nil {
			violation = fmt.Errorf("the PartialError for %d records rejects index %d (reason given: %t)", len(records), i, reason != nil)
		}
	}
	// The text of a PartialError has the first reason only.
	return fmt.Errorf("%w: %w", exportErr, errors.Join(partial.Unwrap()...)), violation
}

// mustExport exports records that every exporter must accept.
func mustExport(ctx context.Context, e export.Exporter, records ...*record.Record) error {
	exportErr, violation := callExport(ctx, e, records)
	if err := errors.Join(exportErr, violation); err != nil {
		return fmt.Errorf("Export of %d records: %w", len(records), err)
	}
	return nil
}

func shutdown(ctx context.Context, e export.Exporter) error {
	err, violation := within("Shutdown", func() error { return e.Shutdown(ctx) })
	switch {
	case violation != nil:
		return violation
	case err != nil:
		return fmt.Errorf("Shutdown: %w", err)
	}
	return nil
}

var errHung = errors.New("did not return within " + callTimeout.String())

// within runs call, which must return within callTimeout.
func within(name string, call func() error) (callErr, violation error) {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err, nil
	case <-time.After(callTimeout):
		return nil, fmt.Errorf("%s %w", name, errHung)
	}
}

// holds checks that the sink has the wanted records, in order.
func (f fixture) holds(want ...*record.Record) error {
	got := f.read()
	if len(got) != len(want) {
		return fmt.Errorf("the sink has %d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != nil && got[i].ID != want[i].ID {
			return fmt.Errorf("record %d of the sink is %s, want %s: not in order", i, got[i].ID, want[i].ID)
		}
		if err := Equal(want[i], got[i]); err != nil {
			return fmt.Errorf("record %d of the sink (%s): %w", i, want[i].Action, err)
		}
	}
	return nil
}

// holdsOnce checks that the sink has each wanted record once, in any order.
func (f fixture) holdsOnce(want ...*record.Record) error {
	errs := []error{f.holdsAtLeast(want...)}
	if n := len(f.read()); n != len(want) {
		errs = append(errs, fmt.Errorf("the sink has %d records, want %d", n, len(want)))
	}
	return errors.Join(errs...)
}

// holdsAtLeast checks that the sink has each wanted record at least once, in any order,
// and no other records.
func (f fixture) holdsAtLeast(want ...*record.Record) error {
	missing := map[audit.ID]*record.Record{}
	known := map[audit.ID]*record.Record{}
	for _, r := range want {
		missing[r.ID], known[r.ID] = r, r
	}
	var errs []error
	for _, got := range f.read() {
		r, ok := known[got.ID]
		if !ok {
			errs = append(errs, fmt.Errorf("the sink has record %s, which was never exported", got.ID))
			continue
		}
		delete(missing, got.ID)
		if err := Equal(r, got); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Action, err))
		}
	}
	for _, r := range want {
		if missing[r.ID] != nil {
			errs = append(errs, fmt.Errorf("%s: the sink lacks record %s", r.Action, r.ID))
		}
	}
	return errors.Join(errs...)
}
