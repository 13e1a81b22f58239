package stdout

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// sortOut says what became of each record when the writer took n bytes of the lines
// and it, or the flushing behind it, failed. It keeps what the next write must know.
func (e *Exporter) sortOut(records []*record.Record, rejected map[int]error, n int, writeErr, flushErr error) error {
	cause := writeErr
	if cause == nil {
		cause = flushErr
	}
	if e.unknown {
		return maybeStored(cause)
	}
	if rejected == nil {
		rejected = map[int]error{}
	}
	// A writer that took everything and failed does not say whose bytes it means.
	delivering := flushErr == nil && n < len(e.lines)
	delivered, refused, begun := 0, len(rejected), 0
	e.owed.makeRoom()
	for i, r := range records {
		start, end := e.ends[i], e.ends[i+1]
		_, isRefused := rejected[i]
		switch {
		case isRefused:
		case end <= n && delivering:
			delivered++
		case end <= n || start < n || e.owed.has(r):
			e.owed.add(r)
			rejected[i] = maybeStored(cause)
			begun++
		default:
			rejected[i] = cause
		}
	}
	e.torn = append(e.torn[:0], e.missing(n)...)

	switch {
	case delivered > 0 || refused > 0:
		return rejection(len(records), rejected)
	case begun > 0:
		return maybeStored(cause)
	}
	return cause
}

// missing returns the end of the line that was cut after n bytes of all lines.
func (e *Exporter) missing(n int) []byte {
	start := 0
	for i, end := range e.ends {
		if n < end && (start < n || i == 0) { // the first is torn already
			return e.lines[n:end]
		}
		start = end
	}
	return nil
}

func maybeStored(cause error) error {
	return fmt.Errorf("%w: %w", audit.ErrMaybeStored, cause)
}

// rejection returns the error for a batch of n records of which those were rejected.
// That of a single record is its reason, which says more.
func rejection(n int, rejected map[int]error) error {
	switch {
	case len(rejected) == 0:
		return nil
	case n == 1:
		return rejected[0]
	}
	return &export.PartialError{Rejected: rejected}
}

// owed are records of which the writer took the line, or gets the rest of it next,
// though their callers were told of an error: what is owed to those who try again is
// nil, and no second line. It forgets the oldest.
type owed struct {
	recent, older map[audit.ID]digest
}

// maxRecent is how many records are owed at least before some are forgotten.
const maxRecent = 1000

// digest stands for all of a record but what was assigned to it.
type digest [sha256.Size]byte

func (o *owed) has(r *record.Record) bool {
	told, found := o.recent[r.ID]
	if !found {
		told, found = o.older[r.ID]
	}
	if !found {
		return false
	}
	d, ok := newDigest(r)
	return ok && d == told
}

func (o *owed) add(r *record.Record) {
	if d, ok := newDigest(r); ok {
		o.recent[r.ID] = d
	}
}

// makeRoom forgets some, but none that was added since the last call.
func (o *owed) makeRoom() {
	if o.recent == nil || len(o.recent) >= maxRecent {
		o.older = o.recent
		o.recent = map[audit.ID]digest{}
	}
}

// newDigest leaves out what differs when a caller tracks the same event again: the
// observed time, the time if it was assigned, and the trace.
func newDigest(r *record.Record) (digest, bool) {
	same := *r
	epoch := time.Unix(0, 0).UTC()
	if same.Time.Equal(same.ObservedTime) {
		same.Time = epoch
	}
	same.ObservedTime = epoch
	same.TraceID, same.SpanID = [16]byte{}, [8]byte{}
	json, err := same.AppendJSON(nil)
	return sha256.Sum256(json), err == nil
}
