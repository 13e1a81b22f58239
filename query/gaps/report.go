package gaps

import (
	"strconv"
	"time"
)

// Verdict is the answer of a report.
type Verdict uint8

const (
	// Complete means that there is no gap in what was counted.
	Complete Verdict = iota
	// Interrupted means that there is no gap in what was counted, and that at times nobody counted:
	// between a shutdown and the next start, or while a process ran that does not count.
	Interrupted
	// Incomplete means that there are gaps, and that their number is known.
	Incomplete
	// Unknown means that there may be more gaps than were counted.
	Unknown
)

// String returns "complete", "interrupted", "incomplete" or "unknown".
func (v Verdict) String() string {
	switch v {
	case Complete:
		return "complete"
	case Interrupted:
		return "interrupted"
	case Incomplete:
		return "incomplete"
	case Unknown:
		return "unknown"
	}
	return "Verdict(" + strconv.Itoa(int(v)) + ")"
}

// MarshalText returns the same as String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Report says what is missing in a range of time.
type Report struct {
	// Since and Until are the range.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Epochs are those of the range, by the time at which they were opened.
	Epochs []Epoch `json:"epochs"`
	// Total is the sum of their counts.
	Total Counts `json:"total"`
	// Unknown are the times for which the counts are missing.
	Unknown []Span `json:"unknown,omitempty"`
	// Idle are the times in which no epoch was open: either no process ran, or it did not count.
	Idle []Span `json:"idle,omitempty"`
}

// Epoch is the time from the start of a provider to its shutdown.
type Epoch struct {
	ID string `json:"id"`
	// Service is the service.name of its resource, and Source the ledger: see
	// semconv.EpochSourceKey.
	Service string `json:"service,omitempty"`
	Source  string `json:"source,omitempty"`
	// Opened is when it was opened. Last is the time of its last record, and Closed says that this
	// has closed it.
	Opened time.Time `json:"opened"`
	Last   time.Time `json:"last"`
	Closed bool      `json:"closed"`
	// From and To are the times of the records whose difference Counts is. They enclose as much of
	// the range as is known.
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Counts Counts    `json:"counts"`
}

// Span is a range of time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Epoch is the ID of the epoch, or empty, and Reason says why nothing is known.
	Epoch  string `json:"epoch,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Verdict returns the answer for the range.
func (r *Report) Verdict() Verdict {
	switch {
	case len(r.Unknown) > 0:
		return Unknown
	case r.Total.Gaps() > 0:
		return Incomplete
	case len(r.Idle) > 0:
		return Interrupted
	}
	return Complete
}
