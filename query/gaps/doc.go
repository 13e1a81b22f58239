// Package gaps says what is missing in an audit trail, by the counts that the trail itself has:
// those of sdk.WithGapRecords.
//
//	report, err := gaps.Read(ctx, reader, since, until)
//	...
//	switch report.Verdict() {
//	case gaps.Complete: // every event that was tracked, and every request that was counted, left a record
//	case gaps.Interrupted: // so did those while somebody counted; report.Idle says when nobody did
//	case gaps.Incomplete: // report.Total says how many did not, and why
//	case gaps.Unknown: // report.Unknown says of which times, such as those before a kill
//	}
//
// A process counts from the start of its provider to the shutdown: an epoch. The counts of a record
// are those since the epoch was opened. So they show how many events of any range of time were
// rejected, dropped by a processor, given up by a batcher or dead-lettered, and how many requests
// left no event. A process that was killed did not close its epoch, and nothing is known of the
// time after its last record.
//
// A report cannot know of processes that do not count, of requests that pass no middleware with
// WithCoverage, and of records that were removed: package archive/custody verifies these. An event
// that the application tracked again after an error is counted as rejected and as recorded, and a
// dead letter stays counted when it was replayed.
package gaps
