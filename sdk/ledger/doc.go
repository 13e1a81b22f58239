// Package ledger is a crash-safe, append-only log of opaque entries in a
// directory, with a durable cursor for each of its consumers.
//
//	l, err := ledger.Open("audit-ledger")
//	first, err := l.Append(ctx, entry1, entry2) // nil: both are on disk
//
//	c, err := l.Cursor("mongodb")
//	entries, err := c.Next(ctx, 512, 1<<20) // waits for entries
//	err = c.Commit(entries[len(entries)-1].Seq)
//
// Entries have dense sequence numbers from 1. One process at a time may have the
// ledger open; any number may read it meanwhile, with [OpenReader].
//
// # What nil from Append means
//
// All entries are in the file, in one frame, and the system said that they are on
// stable storage (fdatasync, F_FULLFSYNC, FlushFileBuffers). Callers that append at
// the same time share one such call. WithSyncInterval relaxes this by choice.
//
// A write or sync that failed is never repeated in place, because systems forget
// what they could not write: the ledger goes on in a new segment, whose header voids
// what may be left of the failed frame, and writes the frame again there. If that
// fails too, the error matches ErrMaybeStored.
//
// # What Open does
//
// It reads the last segment. A frame that was being written when the machine stopped
// is cut, if it looks like that: part of it is still zero from when the segment was
// made. What was cut stays in the file and is reported by [Ledger.Recovered].
// Anything else that is not as it was written is a *CorruptError. It names the
// segment and the place; a Reader reads on behind it, and so does a writer with
// WithSalvage.
//
// docs/ledger-format.md describes the files, for readers in other languages.
package ledger
