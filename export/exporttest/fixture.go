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

// fixture makes the exporters of a check and reads their sinks.
type fixture struct {
	open func() export.Exporter
	read func() []*record.Record
}

// patience is how long a call may take. It is generous: what is looked for are calls
// that never return.
const patience = 30 * time.Second

// with gives use a new exporter and shuts it down.
func (f fixture) with(ctx context.Context, use func(e export.Exporter) error) error {
	e := f.open()
	err := use(e)
	if errors.Is(err, errHung) {
		return err // nothing may be called while another call runs
	}
	return errors.Join(err, shutdown(ctx, e))
}

// callExport calls Export. It returns what Export returned, and what is wrong with that
// whatever the reason.
func callExport(ctx context.Context, e export.Exporter, records []*record.Record) (refusal, breach error) {
	refusal, breach = within("Export", func() error { return e.Export(ctx, records) })
	var partial *export.PartialError
	if !errors.As(refusal, &partial) {
		return refusal, breach
	}
	for i, reason := range partial.Rejected {
		if i < 0 || i >= len(records) || reason == nil {
			breach = fmt.Errorf("the PartialError for %d records rejects index %d (reason given: %t)", len(records), i, reason != nil)
		}
	}
	// Its own text does not say why.
	return fmt.Errorf("%w: %w", refusal, errors.Join(partial.Unwrap()...)), breach
}

// mustExport exports what every exporter takes.
func mustExport(ctx context.Context, e export.Exporter, records ...*record.Record) error {
	refusal, breach := callExport(ctx, e, records)
	if err := errors.Join(refusal, breach); err != nil {
		return fmt.Errorf("Export of %d records: %w", len(records), err)
	}
	return nil
}

func shutdown(ctx context.Context, e export.Exporter) error {
	refusal, breach := within("Shutdown", func() error { return e.Shutdown(ctx) })
	switch {
	case breach != nil:
		return breach
	case refusal != nil:
		return fmt.Errorf("Shutdown: %w", refusal)
	}
	return nil
}

var errHung = errors.New("did not return within " + patience.String())

// within runs call, which must return in time.
func within(what string, call func() error) (refusal, breach error) {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s %w", what, errHung)
	}
}

// holds compares the sink with what it must hold, in order.
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

// holdsOnce compares the sink with what it must hold, each record once, in any order.
func (f fixture) holdsOnce(want ...*record.Record) error {
	errs := []error{f.holdsAtLeast(want...)}
	if n := len(f.read()); n != len(want) {
		errs = append(errs, fmt.Errorf("the sink has %d records, want %d", n, len(want)))
	}
	return errors.Join(errs...)
}

// holdsAtLeast compares the sink with what it must hold, each record any number of
// times but none, in any order.
func (f fixture) holdsAtLeast(want ...*record.Record) error {
	missing := map[audit.ID]*record.Record{}
	known := map[audit.ID]*record.Record{}
	for _, r := range want {
		missing[r.ID], known[r.ID] = r, r
	}
	var errs []error
	for _, got := range f.read() {
		r, is := known[got.ID]
		if !is {
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
