package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrClosed is returned by the methods of a closed Ledger.
	ErrClosed = errors.New("ledger: closed")
	// ErrLocked means that another process, or another Ledger in this process, has the
	// directory open for writing.
	ErrLocked = errors.New("locked by another process, or by another Ledger in this one; one process writes a ledger at a time; WithLockWait (lock_wait in a configuration) waits until it ends")
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

// nameDir adds the path of the ledger's directory to an error that does not name it.
func nameDir(err error, dir string) error {
	if err == nil || strings.Contains(err.Error(), dir) {
		return err
	}
	return fmt.Errorf("%w (in %s)", err, dir)
}

// writeError says what could not be written in the ledger's directory, and what to do if
// its disk is full.
func (l *Ledger) writeError(what string, err error) error {
	hint := ""
	if isDiskFull(err) {
		hint = "; free space on the disk: with WithRetention, segments that every consumer has passed are removed; never remove one by hand"
	}
	return fmt.Errorf("ledger: %s: cannot %s: %w%s", l.dir.Path(), what, err, hint)
}

// CorruptError reports a file whose content is not what was written, or a file that is
// missing.
type CorruptError struct {
	// Dir is the directory of the ledger.
	Dir string
	// File is the name of the file in the directory.
	File string
	// Offset is where the damage begins, in bytes from the start of the file.
	Offset int64
	// First and Last are the sequence numbers of the first and last entries that
	// cannot be read. They are zero if unknown. If Last alone is zero, nobody knows how
	// many entries followed First.
	First, Last uint64
	// After and Before are the commit times between which these entries were written.
	// Each is zero if unknown.
	After, Before time.Time
	// Reason describes the damage.
	Reason string
	// Hint says what to do. It is empty where reading continues after the damage.
	Hint string
}

// Error returns the file, the offset, the reason, the entries that are affected, and what
// to do.
func (e *CorruptError) Error() string {
	text := "ledger: " + filepath.Join(e.Dir, e.File) + " is damaged at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
	switch {
	case e.Last != 0 && e.Last == e.First:
		text += " (entry " + strconv.FormatUint(e.First, 10) + " cannot be read" + e.when() + ")"
	case e.Last != 0:
		text += " (entries " + strconv.FormatUint(e.First, 10) + " to " + strconv.FormatUint(e.Last, 10) + " cannot be read" + e.when() + ")"
	case e.First != 0:
		text += " (entries from " + strconv.FormatUint(e.First, 10) + " on cannot be read" + e.when() + ")"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// when describes the time of the entries.
func (e *CorruptError) when() string {
	text := ""
	if !e.After.IsZero() {
		text += ", written after " + e.After.Format(time.RFC3339)
	}
	if !e.Before.IsZero() {
		text += ", written before " + e.Before.Format(time.RFC3339)
	}
	return text
}

// RemovedError reports that retention removed entries before they were read. Reading
// continues with the oldest entry that is left.
type RemovedError struct {
	// Dir is the directory of the ledger.
	Dir string
	// First and Last are the sequence numbers of the first and last entries that were
	// removed.
	First, Last uint64
}

// Error returns the directory and the entries.
func (e *RemovedError) Error() string {
	return fmt.Sprintf("ledger: %s: retention removed entries %d to %d before they were read; read faster, or keep entries longer", e.Dir, e.First, e.Last)
}
