package seal

import (
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Status is how far a ledger is sealed.
type Status struct {
	// Checkpoint is the newest one.
	Checkpoint Checkpoint
	// KeyName is the name of the key that signed it.
	KeyName string
	// Last is the sequence number of the last entry that it covers, or 0 if it covers none.
	Last uint64
	// Stored is when the checkpoint was stored, as the file system says, or zero if the files
	// don't say. No signature covers it.
	Stored time.Time
}

// ReadStatus returns the status that the files of a seal have. It fails unless one of the keys
// has signed the checkpoint. The error matches fs.ErrNotExist if the ledger is not sealed.
func ReadStatus(files Files, keys ...note.Verifier) (Status, error) {
	var s Status
	if dir, ok := files.(*osFiles); ok { // before it is read: it may be older than the time, not newer
		s.Stored, _ = dir.stat(checkpointName)
	}
	c, all, err := readNewest(files, keys)
	if err != nil {
		return Status{}, err
	}
	s.Checkpoint, s.Last = c, all.seq(c.Size)-1
	s.KeyName, err = signerOf(c.Note, keys)
	return s, err
}

// signerOf returns the name of the key that has signed a note.
func signerOf(signed []byte, keys []note.Verifier) (string, error) {
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return "", err
	}
	return n.Sigs[0].Name, nil
}

// readNewest reads the newest checkpoint, and the gaps.
func readNewest(files Files, keys []note.Verifier) (Checkpoint, gaps, error) {
	c, err := newestCheckpoint(files, keys)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	all, err := loadGaps(files)
	return c, all, err
}
