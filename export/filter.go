package export

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
)

// Filter returns an exporter that hands over to e the records that keep accepts, in
// their order, and no others. Its name is that of e. Where keep accepts none, Export of
// e is not called; a record that was not handed over counts as delivered. An error of e
// is about those that it was given, by their place in the whole batch, and about no
// others.
//
// keep is called by one goroutine at a time and waits for nothing. It must neither keep
// nor change the record. If it panics, the record is refused for good: a syncer's
// caller has the error, and a ledger keeps the record among the dead letters. It is not
// handed over, because e may be a sink that must not have it.
//
// A nil keep accepts everything, and of a nil exporter Filter returns nil, which a
// provider refuses.
func Filter(e Exporter, keep func(*record.Record) bool) Exporter {
	if e == nil || keep == nil {
		return e
	}
	return &filtered{exporter: e, keep: keep}
}

type filtered struct {
	exporter Exporter
	keep     func(*record.Record) bool

	// What the batch comes to. They are used again, since Export is never called
	// concurrently.
	kept    []*record.Record
	indexes []int // of those kept, in the batch
}

var _ DirectExporter = (*filtered)(nil)

// Name returns the exporter's name.
func (f *filtered) Name() string { return f.exporter.Name() }

// Direct reports what the exporter does.
func (f *filtered) Direct() bool {
	d, ok := f.exporter.(DirectExporter)
	return ok && d.Direct()
}

// Export hands over what keep accepts.
func (f *filtered) Export(ctx context.Context, records []*record.Record) error {
	broken := f.sort(records)
	defer f.forget()
	var err error
	if len(f.kept) > 0 {
		err = f.exporter.Export(ctx, f.kept)
	}
	if len(f.kept) == len(records) || err == nil && len(broken) == 0 {
		return err // it is about the whole batch
	}
	rejected, ok := f.rejected(err)
	if !ok {
		return errUnknownIndex
	}
	maps.Copy(rejected, broken)
	if len(rejected) == 0 {
		return nil
	}
	partial := &PartialError{Rejected: rejected}
	if err == nil {
		return partial
	}
	return &filteredError{err: err, partial: partial}
}

// sort fills kept and indexes, and returns why records are neither kept nor left out,
// by index.
func (f *filtered) sort(records []*record.Record) (broken map[int]error) {
	for i, r := range records {
		keep, err := callKeep(f.keep, r)
		switch {
		case err != nil:
			if broken == nil {
				broken = map[int]error{}
			}
			broken[i] = err
		case keep:
			f.kept = append(f.kept, r)
			f.indexes = append(f.indexes, i)
		}
	}
	return broken
}

// forget lets go of the records.
func (f *filtered) forget() {
	clear(f.kept)
	f.kept, f.indexes = f.kept[:0], f.indexes[:0]
}

var errUnknownIndex = errors.New("export: the exporter rejected a record that it was not given")

// callKeep turns a panic into an error that is permanent: it would panic again.
func callKeep(keep func(*record.Record) bool, r *record.Record) (ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			ok, err = false, Permanent(fmt.Errorf("the filter: %w", panics.Error(p)))
		}
	}()
	return keep(r), nil
}

// rejected returns what the exporter refused, by the index in the batch: everything it
// was given, where the error is about all of it.
func (f *filtered) rejected(err error) (rejected map[int]error, ok bool) {
	rejected = map[int]error{}
	partial, is := errors.AsType[*PartialError](err)
	if !is {
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

// Shutdown shuts the exporter down.
func (f *filtered) Shutdown(ctx context.Context) error { return f.exporter.Shutdown(ctx) }

// filteredError is an exporter's error whose *PartialError has the indexes of the
// whole batch.
type filteredError struct {
	err     error
	partial *PartialError
}

func (e *filteredError) Error() string { return e.err.Error() }
func (e *filteredError) Unwrap() error { return e.err }

// As puts the right *PartialError before the exporter's own.
func (e *filteredError) As(target any) bool {
	partial, is := target.(**PartialError)
	if is {
		*partial = e.partial
	}
	return is
}
