package ledgerquery

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit/sdk/ledger"
)

// EntryError reports a ledger entry that does not hold a valid record.
type EntryError struct {
	// Seq is the sequence number of the entry.
	Seq uint64
	// Err is the error from decoding the record.
	Err error
}

// Error returns the sequence number and the reason.
func (e *EntryError) Error() string {
	return fmt.Sprintf("entry %d is not a record: %v", e.Seq, e.Err)
}

// Unwrap returns Err.
func (e *EntryError) Unwrap() error { return e.Err }

// isLoss reports whether err says that entries are damaged, or were removed by retention.
// The ledger is read on after them.
func isLoss(err error) bool {
	_, damaged := errors.AsType[*ledger.CorruptError](err)
	_, removed := errors.AsType[*ledger.RemovedError](err)
	return damaged || removed
}
