package unit

import "errors"

var (
	// ErrEnded is the error of ending a unit, or a savepoint, in another way than it has
	// ended already. Nothing is recorded.
	ErrEnded = errors.New("unit: the unit of work has ended in another way; an adapter ends it once")
	// ErrNoUnit is the error of a savepoint whose context is that of no unit, or of one that
	// has ended.
	ErrNoUnit = errors.New("unit: the context has no open unit of work; make savepoints under the context of Start")
)

// RecordError reports that a transaction has ended, but that not all its records are stored.
// Committed says whether the work is done: then whoever does it again does it twice. A ledger
// closes the unit's attempt at the next start, with an unknown outcome.
type RecordError struct {
	// Committed reports whether the transaction was committed.
	Committed bool
	// Err joins the causes, such as an *audit.DeliveryError for each record.
	Err error
}

// Error describes the failure for logs.
func (e *RecordError) Error() string {
	if e.Committed {
		return "unit: the transaction was committed, but its records were not all stored; don't repeat the work: " + e.Err.Error()
	}
	return "unit: the transaction was not committed, or may have been, and its records were not all stored: " + e.Err.Error()
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }
