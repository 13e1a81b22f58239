package sdk

import (
	"context"

	"github.com/opendeed/audit/record"
)

// Processor sees each record before it is delivered, and may change it, pass it
// on or drop it. Process is called concurrently.
type Processor interface {
	// Process handles one record. It calls next at most once, before it returns,
	// with r or a clone, to pass it on, and returns next's error; returning nil
	// without calling next drops the record: Track returns ErrDropped and
	// the drop is counted by processor.
	//
	// It must not keep r after it has returned. ID, Kind and Actor cannot be
	// changed.
	Process(ctx context.Context, r *record.Record, next Next) error
}

// Next passes a record on.
type Next func(ctx context.Context, r *record.Record) error

// ProcessorFunc is a function as a Processor.
type ProcessorFunc func(ctx context.Context, r *record.Record, next Next) error

// Process calls f.
func (f ProcessorFunc) Process(ctx context.Context, r *record.Record, next Next) error {
	return f(ctx, r, next)
}
