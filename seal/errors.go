package seal

import (
	"errors"
	"fmt"
)

// The reasons of an AnchorError.
var (
	// ErrRollback means that the ledger is shorter than the checkpoint: entries that were
	// sealed are gone, as after an old copy of the directory was put back.
	ErrRollback = errors.New("the ledger lacks entries that were sealed")
	// ErrFork means that the ledger has other entries than those that were sealed.
	ErrFork = errors.New("the ledger has other entries than those that were sealed")
	// ErrReplaced means that the checkpoint is that of another ledger: the directory was
	// removed or replaced.
	ErrReplaced = errors.New("the checkpoint is that of another ledger")
	// ErrUntrusted means that no known key has signed the checkpoint.
	ErrUntrusted = errors.New("the checkpoint is not signed by a known key")
)

// AnchorError reports that a ledger is not the one that an anchor, or its own directory, has a
// checkpoint of. It matches one of the reasons, such as ErrRollback.
type AnchorError struct {
	// Dir is the directory of the ledger.
	Dir string
	// Source says where the checkpoint is from: "anchor" or "directory".
	Source string
	// Reason is ErrRollback, ErrFork, ErrReplaced or ErrUntrusted.
	Reason error
	// Expected is the checkpoint. It is empty for ErrUntrusted.
	Expected Checkpoint
	// Found is what the ledger has, at the size of Expected or at its end. It is not signed.
	Found Checkpoint
}

// Error says what was compared, and what to do.
func (e *AnchorError) Error() string {
	text := fmt.Sprintf("seal: %s: %v, says the checkpoint of the %s", e.Dir, e.Reason, e.Source)
	switch {
	case errors.Is(e.Reason, ErrRollback):
		text += fmt.Sprintf(" (%d leaves were sealed, %d are left)", e.Expected.Size, e.Found.Size)
	case errors.Is(e.Reason, ErrFork):
		text += fmt.Sprintf(" (of %d leaves)", e.Expected.Size)
	case errors.Is(e.Reason, ErrReplaced):
		text += fmt.Sprintf(" (%q, and the ledger is %q)", e.Expected.Origin, e.Found.Origin)
	}
	return text + "; if a backup was restored on purpose, record that with: deed seal adopt"
}

// Unwrap returns the reason.
func (e *AnchorError) Unwrap() error { return e.Reason }
