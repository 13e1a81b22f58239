package ledger

// Limits are the sizes that a ledger was opened with, in bytes.
type Limits struct {
	Segment int64 // size of a segment
	Max     int64 // limit of the total size; 0 if only the disk limits it
}

// Limits returns the sizes that the ledger was opened with.
func (l *Ledger) Limits() Limits { return Limits{Segment: l.config.segmentSize, Max: l.config.maxSize} }

// Reserve makes WithMaxSize count that many bytes in addition to the segments, for files
// that the caller keeps beside them. Two segments always remain for the ledger.
func (l *Ledger) Reserve(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved = bytes
	broadcast(&l.moreRoom)
}

// maxBytes returns the limit of the size of all segments, or 0. mu is held.
func (l *Ledger) maxBytes() int64 {
	if l.config.maxSize == 0 {
		return 0
	}
	return max(l.config.maxSize-l.reserved, 2*l.config.segmentSize)
}
