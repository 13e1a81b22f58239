package audit

import (
	"context"
	"sync/atomic"

	"github.com/opendeed/audit/embedded"
)

// global holds the provider that SetTrackerProvider set, if any.
var global atomic.Pointer[TrackerProvider]

var unprovided atomic.Int64 // how many events were tracked without it, and nobody has counted

var globalTracker = &lazyTracker{} // of the package function Track

// SetTrackerProvider makes p the global provider. Trackers that the global provider made
// earlier use it from now on. nil removes the provider.
func SetTrackerProvider(p TrackerProvider) {
	switch p.(type) {
	case nil, globalProvider: // the delegating provider must not delegate to itself
		global.Store(nil)
	default:
		global.Store(&p)
		countUnprovided(0)
	}
}

// countUnprovided adds n events. If a provider is set, also by now, it counts all of them.
func countUnprovided(n int64) {
	unprovided.Add(n)
	if c, ok := globalTracker.Current().(interface{ CountLoss(string, int64) }); ok {
		c.CountLoss("no_provider", unprovided.Swap(0))
	}
}

// GetTrackerProvider returns the global provider. Before one is set, it returns a
// provider whose trackers use the global provider of the moment: until one is set,
// their Track returns ErrNoProvider.
func GetTrackerProvider() TrackerProvider {
	if p := global.Load(); p != nil {
		return *p
	}
	return globalProvider{}
}

// Track records e on the global provider. See [Tracker].
func Track(ctx context.Context, e Event) error { return globalTracker.Track(ctx, e) }

// globalProvider makes trackers that look the global provider up for each event.
type globalProvider struct{ embedded.TrackerProvider }

func (globalProvider) Tracker(name string, opts ...TrackerOption) Tracker {
	return &lazyTracker{name: name, opts: append([]TrackerOption(nil), opts...)}
}

// lazyTracker uses the provider that is set when an event is tracked.
type lazyTracker struct {
	embedded.Tracker

	name string
	opts []TrackerOption
	last atomic.Pointer[cachedTracker]
}

// cachedTracker is a tracker and the provider that made it.
type cachedTracker struct {
	provider *TrackerProvider
	tracker  Tracker
}

func (t *lazyTracker) Track(ctx context.Context, e Event) error {
	tracker := t.Current()
	if tracker == nil {
		countUnprovided(1)
		return ErrNoProvider
	}
	return tracker.Track(ctx, e)
}

// Check implements Checker.
func (t *lazyTracker) Check(ctx context.Context, e Event, final func(field string) bool) error {
	tracker := t.Current()
	if tracker == nil {
		return ErrNoProvider
	}
	return check(ctx, tracker, e, final)
}

// Report implements plumbing.Reporter.
func (t *lazyTracker) Report(ctx context.Context, err error) { reportTo(ctx, t.Current(), err) }

// ChecksTargets reports whether the tracker is that of an audittest.Recorder.
func (t *lazyTracker) ChecksTargets() bool {
	strict, ok := t.Current().(interface{ ChecksTargets() bool })
	return ok && strict.ChecksTargets()
}

// Current returns the tracker of the global provider of the moment, or nil.
func (t *lazyTracker) Current() Tracker {
	p := global.Load()
	if p == nil {
		return nil
	}
	last := t.last.Load()
	if last == nil || last.provider != p {
		last = &cachedTracker{provider: p, tracker: (*p).Tracker(t.name, t.opts...)}
		t.last.Store(last)
	}
	return last.tracker
}
