package ledger

const (
	spareFileName  = "spare"  // zeros for the next segment, created ahead of time
	urgentFileName = "urgent" // zeros for a segment that is needed at once
)
