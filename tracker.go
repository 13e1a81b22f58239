package audit

import (
	"context"

	"github.com/opendeed/audit/embedded"
)

// Tracker records events. Implementations are safe for concurrent use, and embed
// [embedded.Tracker] or another Tracker, since the interface may get more methods.
type Tracker interface {
	embedded.Tracker

	// Track records e. It returns nil once the record has reached the durability that
	// the provider was configured for, or, for a signal that a scope holds and for an event
	// that a unit of work holds (package unit), once it is held. In every other case it
	// returns an error.
	//
	// Track uses the values of ctx and ignores its cancellation, so that a client that
	// hangs up loses no event. How long Track may wait is a setting of the provider.
	Track(ctx context.Context, e Event) error
}

// TrackerProvider makes trackers. Implementations are safe for concurrent use, and embed
// [embedded.TrackerProvider] or another TrackerProvider, since the interface may get more
// methods.
type TrackerProvider interface {
	embedded.TrackerProvider

	// Tracker returns a tracker for the instrumented package, named by its import path.
	Tracker(name string, opts ...TrackerOption) Tracker
}

// TrackerOption configures a tracker.
type TrackerOption func(*embedded.TrackerConfig)

// WithVersion sets the version of the instrumented package.
func WithVersion(version string) TrackerOption {
	return func(c *embedded.TrackerConfig) { c.Version = version }
}
