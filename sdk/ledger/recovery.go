package ledger

// Recovery reports what Open found.
type Recovery struct {
	// Crashed reports whether the last writer stopped without Close.
	Crashed bool
	// Torn is the frame that was being written when the machine stopped, or nil. No
	// Append returned nil for its entries.
	Torn *TornFrame
	// Damage lists the damage that WithSalvage skipped, and, with and without this
	// option, damaged cursors: such a cursor starts again before the oldest entry, so
	// its consumer gets entries twice. All are *CorruptErrors.
	Damage []error
}

// TornFrame is an incomplete frame at the end of a segment. It stays in the file and
// is ignored.
type TornFrame struct {
	// Segment is the name of the segment file.
	Segment string
	// Offset is where the frame begins, in bytes.
	Offset int64
	// First is the sequence number that its first entry would have had. The next
	// Append uses it.
	First uint64
}
