package archive

import (
	"errors"
	"fmt"
)

// ErrTooLarge means that an archive would exceed the limits of the format. Nothing was
// stored.
var ErrTooLarge = errors.New("archive: too large; use a shorter range")

// CorruptError reports an object that is not an archive, or not what was written.
type CorruptError struct {
	// Name is the name of the object.
	Name string
	// Part is the index of the part that is damaged, or -1 if the archive as a whole is.
	Part int
	// First and Last are the sequence numbers of the first and the last entry that cannot
	// be read. They are zero if unknown.
	First, Last uint64
	// Reason describes the damage.
	Reason string
}

// Error returns the name, the part, the reason, and the entries that are affected.
func (e *CorruptError) Error() string {
	text := "archive: " + e.Name
	if e.Part >= 0 {
		text += fmt.Sprintf(", part %d", e.Part)
	}
	text += ": " + e.Reason
	if e.First != 0 {
		text += fmt.Sprintf("; entries %d to %d cannot be read", e.First, e.Last)
	}
	return text
}

// EntryError reports an entry that holds no valid record. The log had it like that; the
// archive is not damaged.
type EntryError struct {
	// Name is the name of the archive.
	Name string
	// Seq is the sequence number of the entry, or zero if it has none.
	Seq uint64
	// Err is the error from decoding the record.
	Err error
}

// Error returns the archive, the sequence number and the reason.
func (e *EntryError) Error() string {
	return fmt.Sprintf("archive: %s: entry %d: %v", e.Name, e.Seq, e.Err)
}

// Unwrap returns Err.
func (e *EntryError) Unwrap() error { return e.Err }
