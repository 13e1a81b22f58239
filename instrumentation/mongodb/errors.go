package auditmongo

import (
	"errors"
	"fmt"
)

// Causes of a [LostError], besides audit.ErrShutdown and the errors of the tracker.
var (
	// ErrQueueFull means that the queue of signals is full, because the provider is
	// slower than the writes, or hangs. See WithQueueSize.
	ErrQueueFull = errors.New("the queue of signals is full")
	// ErrInDoubt means that it is unknown whether the write's transaction was committed:
	// the reply to the commit was lost and the commit was not repeated, or more than
	// 10,000 signals were waiting for a commit.
	ErrInDoubt = errors.New("it is unknown whether the transaction was committed; read the document to find out")
	// ErrTooManyCommands means that 10,000 later commands were waiting for a reply.
	ErrTooManyCommands = errors.New("the reply did not come while 10,000 later commands were waiting for theirs")
)

// LostError reports that the signal of a write is not in the audit trail. It contains
// neither values nor the document's _id.
type LostError struct {
	// Database and Collection are where the document was written.
	Database, Collection string
	// Command is the name of the command, such as "insert".
	Command string
	// Err is the cause.
	Err error
}

// Error names the command and the collection, then the cause.
func (e *LostError) Error() string {
	return fmt.Sprintf("auditmongo: the signal of the command %s on %s.%s was lost: %v", e.Command, e.Database, e.Collection, e.Err)
}

// Unwrap returns Err.
func (e *LostError) Unwrap() error { return e.Err }
