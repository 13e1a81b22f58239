package ledger

import (
	"errors"
	"strconv"
)

var (
	// ErrClosed is returned by the methods of a Ledger that was closed.
	ErrClosed = errors.New("ledger: it is closed")
	// ErrLocked means that another process, or another Ledger of this one, has the
	// directory open for writing.
	ErrLocked = errors.New("ledger: another writer has it open; a directory has one writer at a time")
	// ErrFull means that there was no room until the context ended: the ledger has
	// reached its size, or the disk is full. Nothing was stored.
	ErrFull = errors.New("ledger: it is full; nothing was stored")
	// ErrMaybeStored means that it is not known whether the entries are stored: a
	// later Open may find them.
	ErrMaybeStored = errors.New("ledger: it is not known whether the entries are stored")
	// ErrTooLarge means that an entry, or the entries of one Append together, are
	// larger than the limits. Nothing was stored.
	ErrTooLarge = errors.New("ledger: the entries are too large; nothing was stored")
	// ErrUnsafe means that others may change the directory or a file in it, or that
	// it is not what it should be.
	ErrUnsafe = errors.New("ledger: unsafe directory")
)

// CorruptError says that something in the directory is not as it was written.
type CorruptError struct {
	// Segment is the name of the file.
	Segment string
	// Offset is where in the file the damage begins, in bytes.
	Offset int64
	// From and To are the first and the last sequence number that cannot be read, as
	// far as they are known; zero if they are not.
	From, To uint64
	// Reason says what is wrong there.
	Reason string
}

// Error returns a sentence for logs.
func (e *CorruptError) Error() string {
	text := "ledger: " + e.Segment + " is damaged at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
	if e.From != 0 {
		text += " (entries " + strconv.FormatUint(e.From, 10) + " to " + strconv.FormatUint(e.To, 10) + " cannot be read)"
	}
	return text
}
