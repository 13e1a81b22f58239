// Package ledger is a crash-safe, append-only log of opaque entries in a directory,
// with a durable cursor for each consumer.
//
//	l, err := ledger.Open("audit-ledger")
//	first, err := l.Append(ctx, entry1, entry2) // nil: both are on disk
//
//	c, err := l.Cursor("mongodb")
//	entries, err := c.Next(ctx, 512, 1<<20) // waits for entries
//	err = c.Commit(entries[len(entries)-1].Seq)
//
// Entries have sequence numbers from 1, without gaps. One process at a time has the
// ledger open for writing. Any number of processes may read it at the same time, with
// [OpenReader].
//
// # Durability
//
// When Append returns nil, all of its entries are in the file, in one frame, and the
// system has confirmed that they are on stable storage (fdatasync on Linux,
// F_FULLFSYNC on macOS, FlushFileBuffers on Windows). Concurrent callers share one
// sync. [WithSyncInterval] weakens this guarantee.
//
// A failed write or sync is never repeated in place, because the system may have
// dropped the data that it could not write. Instead the ledger writes the frame again
// in a new segment, whose header voids what the failed write may have left. If that
// fails too, the error matches ErrMaybeStored.
//
// # Recovery
//
// Open reads the last segment. If a frame was being written when the machine stopped,
// part of it is still zero, since segments are filled with zeros when they are
// created. Open ignores such a frame, leaves it in the file, and reports it in
// [Ledger.Recovery].
//
// All other unexpected content is damage: Open returns a *CorruptError with the file,
// the offset and what to do. A [Reader] and a [Cursor] skip damage and name the entries
// that are lost. [WithSalvage] repairs a ledger, and lists all that is lost. [WithScrub]
// looks for damage in the background.
//
// docs/ledger-format.md specifies the files for readers in other languages.
package ledger
