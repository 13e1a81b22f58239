package auditmongo

import "sync/atomic"

// Stats counts what became of the writes in one collection since the monitor was made.
type Stats struct {
	// Database and Collection are those of the Collection that opted it in.
	Database, Collection string
	// Tracked is how many signals the tracker took: recorded, held, or covered.
	Tracked uint64
	// Untracked is how many commands raise no signal by design, though they wrote, or
	// may have written, something: bulk, multi and unacknowledged writes.
	Untracked uint64
	// Unanswered is how many commands got no answer, so that nobody knows what came of
	// them. One that the driver then repeats counts here and there.
	Unanswered uint64
	// Lost is how many signals were lost. Each was reported to the error handler.
	Lost uint64
}

type counters struct {
	tracked, untracked, unanswered, lost atomic.Uint64
}

// Stats returns the counts, in the order in which the collections were given.
func (m *Monitor) Stats() []Stats {
	all := make([]Stats, len(m.collections))
	for i, c := range m.collections {
		all[i] = Stats{
			Database: c.database, Collection: c.name,
			Tracked:    c.counters.tracked.Load(),
			Untracked:  c.counters.untracked.Load(),
			Unanswered: c.counters.unanswered.Load(),
			Lost:       c.counters.lost.Load(),
		}
	}
	return all
}
