package auditmongo

import (
	"errors"
	"fmt"
)

// Why a signal was lost, besides audit.ErrShutdown and what the tracker returned.
var (
	// ErrQueueFull means that as many signals waited to be tracked as may: the provider
	// is slower than the writes, or hangs. See WithQueueSize.
	ErrQueueFull = errors.New("the queue of signals is full")
	// ErrInDoubt means that it is not known whether the transaction of the write was
	// committed: the answer to the commit was lost and it was not repeated, or more
	// signals waited for commits than are kept.
	ErrInDoubt = errors.New("it is not known whether the transaction was committed; read the document to find out")
	// ErrTooManyCommands means that more commands wait for an answer than are kept.
	ErrTooManyCommands = errors.New("too many commands wait for an answer")
)

// LostError says that a write is not in the audit trail though its collection was
// opted in. It names no document and has no values.
type LostError struct {
	// Database and Collection are where it was written.
	Database, Collection string
	// Command is the name of the command.
	Command string
	// Err is why.
	Err error
}

// Error returns a sentence for logs.
func (e *LostError) Error() string {
	return fmt.Sprintf("auditmongo: the signal of the command %s on %s.%s was lost: %v", e.Command, e.Database, e.Collection, e.Err)
}

// Unwrap returns why.
func (e *LostError) Unwrap() error { return e.Err }
