package export

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/opendeed/audit/record"
)

// Exporter sends records to a sink.
type Exporter interface {
	// Name identifies the exporter in errors, metrics and ledger cursors. It must
	// match record.NamePattern, be unique in a provider, and never change.
	Name() string
	// Export sends records, in order, and returns nil only when the sink has all of
	// them. It must not retain or modify the records, which are shared and reused, or
	// the slice. It is never called concurrently or after Shutdown.
	//
	// Export should return when ctx ends; the caller does not wait longer.
	//
	// Unless the error is a *PartialError, the caller assumes that no record was
	// delivered. It retries unless the error is Permanent; RetryAfter delays the retry.
	Export(ctx context.Context, records []*record.Record) error
	// Shutdown releases the exporter's resources. It is called once, after the last
	// Export has returned.
	Shutdown(ctx context.Context) error
}

// DirectExporter is an Exporter that can report that its Export never blocks.
type DirectExporter interface {
	Exporter
	// Direct reports whether Export never blocks, because its sink is memory or as
	// reliable as memory. A syncer then calls Export on the goroutine of Track, which is
	// faster, and without a timeout. It calls other exporters on a separate goroutine,
	// which it can abandon. The result must not change.
	Direct() bool
}

// Permanent marks an export error that a retry cannot fix. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// PartialError is the error of an Export that delivered some of its records. Those not in
// Rejected were delivered.
type PartialError struct {
	// Rejected maps the index of each rejected record, in the slice passed to Export,
	// to the reason. The caller retries a record unless its reason is Permanent.
	Rejected map[int]error
}

// Error returns the number of rejected records and the first reason.
func (e *PartialError) Error() string {
	text := "export: " + strconv.Itoa(len(e.Rejected)) + " records of the batch were rejected"
	if errs := e.Unwrap(); len(errs) > 0 && errs[0] != nil {
		text += ", the first because " + errs[0].Error()
	}
	return text
}

// Unwrap returns the reasons, in the order of the records.
func (e *PartialError) Unwrap() []error {
	errs := make([]error, 0, len(e.Rejected))
	for _, i := range slices.Sorted(maps.Keys(e.Rejected)) {
		errs = append(errs, e.Rejected[i])
	}
	return errs
}
