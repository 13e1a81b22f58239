package viewer

import "time"

// Health is the state of the pipeline that records the trail. Fields that are zero are not
// shown.
type Health struct {
	// Err is what is wrong, such as the error of sdk.TrackerProvider.Err, or nil.
	Err error
	// Records is the number of records in the ledger, and Bytes the space that they take.
	Records, Bytes int64
	// LastScrub is when the whole ledger was read last to find damage, and Damaged how many
	// damaged parts were found: Scrubbed and ScrubDamaged of ledger.Stats. If LastScrub is zero
	// and there are records, the page says that nobody knows.
	LastScrub time.Time
	Damaged   int
	// Exporters are those of the ledger.
	Exporters []ExporterHealth
}

// ExporterHealth is the state of an exporter.
type ExporterHealth struct {
	Name string
	// Undelivered is the number of records that it does not have yet, and Oldest the time of
	// the oldest of them.
	Undelivered int64
	Oldest      time.Time
	// DeadLetters is the number of records that it rejected permanently.
	DeadLetters int64
}
