package sdk

import (
	"context"

	"github.com/opendeed/audit/record"
)

// Processor gets each record before it is validated. It may change or drop the record.
// Its methods must be safe for concurrent use.
type Processor interface {
	// Process handles one record. To pass the record on, it calls next with r or a
	// clone, at most once and before it returns, and returns the error of next. If it
	// returns nil without calling next, it drops the record: Track returns ErrDropped,
	// and audit.records.rejected counts the drop with the processor's type.
	//
	// It must not change ID, Kind and Actor, and must not retain r. An error or a panic
	// rejects the record with a *ProcessorError.
	Process(ctx context.Context, r *record.Record, next Next) error
}

// Next passes a record to the next processor, or to validation.
type Next func(ctx context.Context, r *record.Record) error

// ProcessorFunc makes a function a Processor.
type ProcessorFunc func(ctx context.Context, r *record.Record, next Next) error

// Process calls f.
func (f ProcessorFunc) Process(ctx context.Context, r *record.Record, next Next) error {
	return f(ctx, r, next)
}
