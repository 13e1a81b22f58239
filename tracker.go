package audit

import "context"

// Tracker records events. Implementations are safe for concurrent use.
type Tracker interface {
	// Track records e. It returns nil once the record has reached the durability
	// that the provider was configured for (for a signal held by a scope: once it
	// is held), and an error in every other case.
	//
	// The values of ctx are used, its cancellation is not: a client that hangs up
	// loses no event. How long Track may wait is the provider's setting.
	Track(ctx context.Context, e Event) error
}

// TrackerProvider makes trackers. Implementations are safe for concurrent use.
type TrackerProvider interface {
	// Tracker returns a tracker for the instrumented package, named by its import
	// path.
	Tracker(name string, opts ...TrackerOption) Tracker
}

// TrackerConfig is what the options of a tracker say, for implementations of
// TrackerProvider.
type TrackerConfig struct {
	// Version is the version of the instrumented package.
	Version string
}

// NewTrackerConfig applies opts.
func NewTrackerConfig(opts ...TrackerOption) TrackerConfig {
	var c TrackerConfig
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// TrackerOption configures a tracker.
type TrackerOption func(*TrackerConfig)

// WithVersion states the version of the instrumented package.
func WithVersion(version string) TrackerOption {
	return func(c *TrackerConfig) { c.Version = version }
}
