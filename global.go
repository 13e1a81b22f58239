package audit

import (
	"context"
	"sync/atomic"
)

// global holds the provider that SetTrackerProvider set, if any.
var global atomic.Pointer[TrackerProvider]

// globalTracker is the tracker of the package function Track.
var globalTracker = globalProvider{}.Tracker("")

// SetTrackerProvider makes p the global provider. Trackers that were obtained
// from the global provider earlier follow it. nil takes the provider away again.
func SetTrackerProvider(p TrackerProvider) {
	switch p.(type) {
	case nil, globalProvider: // the delegating provider must not delegate to itself
		global.Store(nil)
	default:
		global.Store(&p)
	}
}

// GetTrackerProvider returns the global provider. Before one was set, it returns
// one that follows what will be set; until then every Track returns
// ErrNoProvider.
func GetTrackerProvider() TrackerProvider {
	if p := global.Load(); p != nil {
		return *p
	}
	return globalProvider{}
}

// Track records e on the global provider. See [Tracker].
func Track(ctx context.Context, e Event) error {
	return globalTracker.Track(ctx, e)
}

// globalProvider stands in for the provider that is set later.
type globalProvider struct{}

func (globalProvider) Tracker(name string, opts ...TrackerOption) Tracker {
	return &followingTracker{name: name, opts: append([]TrackerOption(nil), opts...)}
}

// followingTracker asks whichever provider is set now.
type followingTracker struct {
	name string
	opts []TrackerOption
	last atomic.Pointer[madeTracker]
}

// madeTracker is the tracker that one provider made.
type madeTracker struct {
	provider *TrackerProvider
	tracker  Tracker
}

func (t *followingTracker) Track(ctx context.Context, e Event) error {
	p := global.Load()
	if p == nil {
		return ErrNoProvider
	}
	made := t.last.Load()
	if made == nil || made.provider != p {
		made = &madeTracker{provider: p, tracker: (*p).Tracker(t.name, t.opts...)}
		t.last.Store(made)
	}
	return made.tracker.Track(ctx, e)
}
