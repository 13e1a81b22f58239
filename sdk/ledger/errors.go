package ledger

import (
	"errors"
	"strconv"
)

var (
	// ErrClosed is returned by the methods of a closed Ledger.
	ErrClosed = errors.New("ledger: closed")
	// ErrLocked means that another process, or another Ledger in this process, has the
	// directory open for writing.
	ErrLocked = errors.New("locked by another process, or by another Ledger in this one; one process writes a ledger at a time")
	// ErrFull means that no room became available before the context ended: the ledger
	// has reached WithMaxSize, or the disk is full. Nothing was stored.
	ErrFull = errors.New("ledger: full; nothing was stored")
	// ErrMaybeStored means that the outcome is unknown: a later Open may find the
	// entries.
	ErrMaybeStored = errors.New("ledger: unknown whether the entries were stored")
	// ErrTooLarge means that one entry, or all entries of one Append together, exceed
	// a size limit. Nothing was stored.
	ErrTooLarge = errors.New("ledger: entries too large; nothing was stored")
	// ErrTooManyPairs means that MaxOpenPairs or MaxOpenPairBytes is reached. Nothing was
	// stored.
	ErrTooManyPairs = errors.New("ledger: too many open pairs; nothing was stored")
	// ErrInsecure means that other users can modify the directory or one of its files,
	// or that one of them is not of the expected type, such as a symbolic link.
	ErrInsecure = errors.New("ledger: insecure directory")
)

// CorruptError reports a file whose content is not what was written, or a file that is
// missing.
type CorruptError struct {
	// File is the name of the file in the ledger's directory.
	File string
	// Offset is where the damage begins, in bytes from the start of the file.
	Offset int64
	// First and Last are the sequence numbers of the first and last entries that
	// cannot be read. They are zero if unknown.
	First, Last uint64
	// Reason describes the damage.
	Reason string
}

// Error returns the file, the offset, the reason and the entries that are affected.
func (e *CorruptError) Error() string {
	text := "ledger: " + e.File + " is damaged at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
	if e.First != 0 {
		text += " (entries " + strconv.FormatUint(e.First, 10) + " to " + strconv.FormatUint(e.Last, 10) + " cannot be read)"
	}
	return text
}
