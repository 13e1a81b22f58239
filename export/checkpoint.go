package export

import (
	"context"
	"time"
)

// Checkpoint is the signed state of a sealed ledger: whoever keeps one can find out whether
// anything below it was changed, removed or put in since.
type Checkpoint struct {
	// Log is the ID of the ledger: 32 hexadecimal digits.
	Log string
	// Size is the number of leaves.
	Size int64
	// Note is the signed text, as C2SP's tlog-checkpoint specifies it.
	Note []byte
	// Time is when it was delivered. No signature covers it.
	Time time.Time
}

// CheckpointExporter is an Exporter that can keep checkpoints beside the records. It gets the
// newest one of a sealed ledger about once a minute, if there is a new one, and before Shutdown.
// An error is logged, and then the next checkpoint is tried; records don't wait.
type CheckpointExporter interface {
	Exporter
	// KeepsCheckpoints reports whether it keeps any, as its options say. The answer does not
	// change. If it is false, ExportCheckpoint is not called.
	KeepsCheckpoints() bool
	// ExportCheckpoint keeps a checkpoint, beside those that it has. It must not retain the
	// note. It may be called concurrently with Export, and neither with itself nor after
	// Shutdown. The same checkpoint may come again, and is no error then.
	ExportCheckpoint(ctx context.Context, c Checkpoint) error
}
