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

// The reasons of LossCounter.
const (
	// LossNoProvider is that an event was tracked before a provider was set.
	LossNoProvider = "no_provider"
	// LossMonitor is that the monitor of a database lost a signal, such as by a full queue.
	LossMonitor = "monitor"
)

// LossCounter is implemented by trackers that count events which never reached a tracker, so that
// it is known how many are missing. It is optional. Its method may be called concurrently, and
// must be fast.
type LossCounter interface {
	CountLoss(reason string, n int64)
}

// CountLoss counts n events that were lost for a reason with t, if t is a [LossCounter] or a
// tracker of the global provider that is one.
func CountLoss(t audit.Tracker, reason string, n int64) {
	if counter, ok := current(t).(LossCounter); ok {
		counter.CountLoss(reason, n)
	}
}

// current returns t, or the tracker of the global provider that it stands for.
func current(t audit.Tracker) audit.Tracker {
	if global, ok := t.(interface{ Current() audit.Tracker }); ok {
		return global.Current()
	}
	return t
}

// CountRequest counts a request with t, if t is a [RequestCounter] or a tracker of the global
// provider that is one. Middleware counts a request once, however many of them it passes.
func CountRequest(t audit.Tracker, as RequestCount) {
	if counter, ok := current(t).(RequestCounter); ok {
		counter.CountRequest(as)
	}
}
