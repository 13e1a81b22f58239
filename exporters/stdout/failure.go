package stdout

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// handleFailure returns the error of a batch of which n bytes were written before the
// write, or the flush after it, failed. It keeps the state that the next write needs.
func (e *Exporter) handleFailure(records []*record.Record, rejected map[int]error, n int, writeErr, flushErr error) error {
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
	// If the writer accepted everything and failed, any of the bytes may be lost.
	partial := flushErr == nil && n < len(e.lines)
	delivered, unencodable, uncertain := 0, len(rejected), 0
	e.unconfirmed.rotate()
	for i, r := range records {
		start, end := e.ends[i], e.ends[i+1]
		_, isRejected := rejected[i]
		switch {
		case isRejected:
		case end <= n && partial:
			delivered++
		case end <= n || start < n || e.unconfirmed.has(r):
			e.unconfirmed.add(r)
			rejected[i] = maybeStored(cause)
			uncertain++
		default:
			rejected[i] = cause
		}
	}
	e.torn = append(e.torn[:0], e.missing(n)...)

	switch {
	case delivered > 0 || unencodable > 0:
		return batchError(len(records), rejected)
	case uncertain > 0:
		return maybeStored(cause)
	}
	return cause
}

// missing returns the rest of the line that was cut after n bytes of lines.
func (e *Exporter) missing(n int) []byte {
	start := 0
	for i, end := range e.ends {
		if n < end && (start < n || i == 0) { // the first is the rest of a torn line
			return e.lines[n:end]
		}
		start = end
	}
	return nil
}

func maybeStored(cause error) error {
	return fmt.Errorf("%w: %w", audit.ErrMaybeStored, cause)
}

// batchError returns the error of a batch of n records. For a single record it returns
// the reason itself, which is more useful in logs.
func batchError(n int, rejected map[int]error) error {
	switch {
	case len(rejected) == 0:
		return nil
	case n == 1:
		return rejected[0]
	}
	return &export.PartialError{Rejected: rejected}
}

// unconfirmed holds records whose line was written, or will be completed by the next
// write, although their Export returned an error. If they are exported again, no second
// line is written. It keeps a limited number and drops the oldest.
type unconfirmed struct {
	recent, older map[audit.ID]digest
}

// maxRecent is the number of records that are kept at least.
const maxRecent = 1000

// digest identifies the content of a record, without the fields that the SDK assigned.
type digest [sha256.Size]byte

func (u *unconfirmed) has(r *record.Record) bool {
	want, found := u.recent[r.ID]
	if !found {
		want, found = u.older[r.ID]
	}
	if !found {
		return false
	}
	d, ok := newDigest(r)
	return ok && d == want
}

func (u *unconfirmed) add(r *record.Record) {
	if d, ok := newDigest(r); ok {
		u.recent[r.ID] = d
	}
}

// rotate drops the older records once there are enough recent ones. It keeps all records
// added since the last call.
func (u *unconfirmed) rotate() {
	if u.recent == nil || len(u.recent) >= maxRecent {
		u.older = u.recent
		u.recent = map[audit.ID]digest{}
	}
}

// newDigest ignores the fields that differ if the same event is tracked again: the
// observed time, the trace, and the time if the SDK assigned it.
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
