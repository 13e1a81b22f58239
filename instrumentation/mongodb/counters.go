package auditmongo

import "sync/atomic"

// counters are the counts of one collection: see CollectionStats.
type counters struct {
	tracked, untracked, unanswered, lost atomic.Uint64
}
