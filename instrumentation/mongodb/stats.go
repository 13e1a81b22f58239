package auditmongo

// CollectionStats counts the writes to one collection since the monitor was created.
type CollectionStats struct {
	// Database and Collection are the Database and Name of the Collection.
	Database, Collection string
	// Tracked counts signals that the tracker accepted: recorded, held or covered.
	Tracked uint64
	// Untracked counts commands that raise no signal by design, and wrote or may have
	// written something: bulk, multi and unacknowledged writes, and writes without _id.
	Untracked uint64
	// Unanswered counts writes without a reply, whose result is unknown, except those of
	// the bulkWrite command. If the driver retries the command, the retry is counted
	// separately.
	Unanswered uint64
	// Lost counts signals that were lost. Each was reported to the error handler.
	Lost uint64
}

// Stats returns the counts of each collection, in the order passed to NewMonitor. They
// are read one by one while writes continue.
func (m *Monitor) Stats() []CollectionStats {
	all := make([]CollectionStats, len(m.collections))
	for i, c := range m.collections {
		all[i] = CollectionStats{
			Database: c.database, Collection: c.name,
			Tracked:    c.counters.tracked.Load(),
			Untracked:  c.counters.untracked.Load(),
			Unanswered: c.counters.unanswered.Load(),
			Lost:       c.counters.lost.Load(),
		}
	}
	return all
}
