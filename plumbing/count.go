package plumbing

import "github.com/opendeed/audit"

// RequestCount says what a request is counted as: first as [RequestSeen], and once, when it has
// ended, as one of the others. Package semconv describes them.
type RequestCount uint8

// What requests are counted as.
const (
	RequestSeen RequestCount = iota
	RequestAudited
	RequestExempt
	RequestNotRequired
	RequestFailed
	RequestMissing

	// RequestCounts is how many there are.
	RequestCounts = iota
)

// RequestCounter is implemented by trackers that count requests, so that it is known how many left
// no event. It is optional. Its method may be called concurrently, and must be fast.
type RequestCounter interface {
	CountRequest(as RequestCount)
}

// CountRequest counts a request with t, if t is a [RequestCounter] or a tracker of the global
// provider that is one. Middleware counts a request once, however many of them it passes.
func CountRequest(t audit.Tracker, as RequestCount) {
	if global, ok := t.(interface{ Current() audit.Tracker }); ok {
		t = global.Current()
	}
	if counter, ok := t.(RequestCounter); ok {
		counter.CountRequest(as)
	}
}
