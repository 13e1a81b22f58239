package export

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
)

// Filter returns an Exporter that forwards to e only the records for which keep returns
// true, in order. It has the name of e. Records that are not forwarded count as
// delivered; if there are no others in a batch, e.Export is not called. Errors of e
// apply to the forwarded records only; the indexes of a *PartialError refer to the whole
// batch.
//
// keep is not called concurrently. It must not block, and must not retain or modify the
// record. If it panics, the record is not forwarded, because e may be a sink that must
// not have it. It is rejected permanently: a syncer returns the error, and a ledger
// stores the record as a dead letter.
//
// If keep is nil, Filter returns e. If e is nil, it returns nil, which a provider
// rejects.
func Filter(e Exporter, keep func(*record.Record) bool) Exporter {
	if e == nil || keep == nil {
		return e
	}
	return &filtered{exporter: e, keep: keep}
}

type filtered struct {
	exporter Exporter
	keep     func(*record.Record) bool

	// The records of a batch to forward. The slices are reused, since Export is never
	// called concurrently.
	kept    []*record.Record
	indexes []int // of the kept records in the batch
}

var (
	_ DirectExporter     = (*filtered)(nil)
	_ CheckpointExporter = (*filtered)(nil)
)

// Name returns the name of the wrapped exporter.
func (f *filtered) Name() string { return f.exporter.Name() }

// Direct returns what the wrapped exporter does.
func (f *filtered) Direct() bool {
	d, ok := f.exporter.(DirectExporter)
	return ok && d.Direct()
}

// KeepsCheckpoints returns what the wrapped exporter does.
func (f *filtered) KeepsCheckpoints() bool {
	c, ok := f.exporter.(CheckpointExporter)
	return ok && c.KeepsCheckpoints()
}

// ExportCheckpoint forwards the checkpoint if the wrapped exporter keeps checkpoints.
func (f *filtered) ExportCheckpoint(ctx context.Context, c Checkpoint) error {
	if e, ok := f.exporter.(CheckpointExporter); ok {
		return e.ExportCheckpoint(ctx, c)
	}
	return nil
}

// Export forwards the records that keep accepts.
func (f *filtered) Export(ctx context.Context, records []*record.Record) error {
	failed := f.split(records)
	defer f.release()
	var err error
	if len(f.kept) > 0 {
		err = f.exporter.Export(ctx, f.kept)
	}
	if len(f.kept) == len(records) || err == nil && len(failed) == 0 {
		return err // it applies to the whole batch
	}
	rejected, ok := f.batchErrors(err)
	if !ok {
		return errUnknownIndex
	}
	maps.Copy(rejected, failed)
	if len(rejected) == 0 {
		return nil
	}
	partial := &PartialError{Rejected: rejected}
	if err == nil {
		return partial
	}
	return &filteredError{err: err, partial: partial}
}

// split fills kept and indexes. It returns the errors of keep by index.
func (f *filtered) split(records []*record.Record) (failed map[int]error) {
	for i, r := range records {
		keep, err := callKeep(f.keep, r)
		switch {
		case err != nil:
			if failed == nil {
				failed = map[int]error{}
			}
			failed[i] = err
		case keep:
			f.kept = append(f.kept, r)
			f.indexes = append(f.indexes, i)
		}
	}
	return failed
}

// release drops the references to the records.
func (f *filtered) release() {
	clear(f.kept)
	f.kept, f.indexes = f.kept[:0], f.indexes[:0]
}

var errUnknownIndex = errors.New("export: the exporter's PartialError has an index that is out of range")

// callKeep calls keep and turns a panic into a permanent error, since keep would panic
// again.
func callKeep(keep func(*record.Record) bool, r *record.Record) (ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			ok, err = false, Permanent(fmt.Errorf("filter: %w", panics.Error(p)))
		}
	}()
	return keep(r), nil
}

// batchErrors returns the errors of the forwarded records by their index in the batch.
// ok is false if the exporter's *PartialError has an unknown index.
func (f *filtered) batchErrors(err error) (rejected map[int]error, ok bool) {
	rejected = map[int]error{}
	partial, ok := errors.AsType[*PartialError](err)
	if !ok {
		for _, i := range f.indexes {
			if err != nil {
				rejected[i] = err
			}
		}
		return rejected, true
	}
	for i, reason := range partial.Rejected {
		if i < 0 || i >= len(f.indexes) {
			return nil, false
		}
		rejected[f.indexes[i]] = reason
	}
	return rejected, true
}

// Shutdown shuts the wrapped exporter down.
func (f *filtered) Shutdown(ctx context.Context) error { return f.exporter.Shutdown(ctx) }

// filteredError is an exporter's error, with a *PartialError whose indexes refer to the
// whole batch.
type filteredError struct {
	err     error
	partial *PartialError
}

func (e *filteredError) Error() string { return e.err.Error() }
func (e *filteredError) Unwrap() error { return e.err }

// As returns that *PartialError instead of the exporter's own.
func (e *filteredError) As(target any) bool {
	partial, ok := target.(**PartialError)
	if ok {
		*partial = e.partial
	}
	return ok
}
