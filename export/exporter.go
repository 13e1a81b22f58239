package export

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/opendeed/audit/record"
)

// Exporter brings records to a sink.
type Exporter interface {
	// Name identifies the exporter in errors, metrics and ledger cursors. It
	// matches [a-z0-9_-]{1,64}, never changes, and is unique in a provider.
	Name() string
	// Export hands records over, in order, and returns nil only when the sink has
	// them all. It must neither keep nor change the records, which are shared and used
	// again, nor the slice. It is never called concurrently, nor after Shutdown.
	//
	// It should return when ctx ends; what it does after that is not waited for.
	//
	// Where an error is not a *PartialError, none of the records counts as
	// delivered. An error is worth trying again unless it is made by Permanent;
	// RetryAfter says when.
	Export(ctx context.Context, records []*record.Record) error
	// Shutdown frees what the exporter holds. It is called once, after the last
	// Export has returned.
	Shutdown(ctx context.Context) error
}

// DirectExporter is an Exporter that may say that it cannot hang.
type DirectExporter interface {
	Exporter
	// Direct reports whether Export waits for nothing, because its sink is memory or
	// as sure as memory. A syncer calls Export of such an exporter on the goroutine of
	// Track, which is quicker, and does not bound how long it takes; that of all others
	// it calls on a goroutine that can be left behind. The answer never changes.
	Direct() bool
}

// Permanent marks an export error that trying again cannot mend. nil stays nil.
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

// PartialError is returned by Export when some of the records were refused and
// the rest was delivered.
type PartialError struct {
	// Rejected holds the reason of each refused record, by its index in the slice
	// given to Export. A reason is worth trying again unless it is made by
	// Permanent.
	Rejected map[int]error
}

// Error returns a sentence for logs, with the first reason.
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
