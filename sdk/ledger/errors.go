package ledger

import (
	"errors"
	"path/filepath"
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

// LostError reports that a ledger that is open lost its files, or its right to write
// them: the directory, the lock, the state or the newest segment was removed, renamed or
// replaced, or another writer opened the ledger. The ledger stores nothing any more.
type LostError struct {
	// Dir is the path of the ledger's directory.
	Dir string
	// File is the name of the file in Dir, or empty if Dir itself is meant.
	File string
	// Reason describes what happened.
	Reason string
}

// The reasons of a LostError.
const (
	reasonReplaced = "was removed, renamed or replaced"
	reasonOwner    = "has another writer's name"
)

// Error returns the path, what happened, and what to do.
func (e *LostError) Error() string {
	path, remedy := filepath.Join(e.Dir, e.File), "see what removed it, restore it if entries are missing, and restart"
	switch {
	case e.Reason == reasonOwner:
		remedy = "the file system's locks do not work; let one process write to the directory, and restart that one"
	case e.File == lockFileName:
		remedy = "another process may write to the ledger; never remove the file, let one process write, and restart that one"
	case e.File != "":
		remedy = "restore it from a copy, or open the ledger with WithSalvage, which continues without its entries"
	}
	return "ledger: " + path + " " + e.Reason + " while the ledger was open; nothing is stored any more: " + remedy
}

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
