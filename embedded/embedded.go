// Package embedded lets the interfaces of package audit gain methods without breaking
// those who implement them.
//
// An implementation of [audit.Tracker] or [audit.TrackerProvider] must embed the
// interface of the same name:
//
//	type myTracker struct {
//		embedded.Tracker
//		// ...
//	}
//
// If audit.Tracker gets another method later, myTracker still compiles, and calling the
// missing method panics. To forward such calls instead, embed another implementation of
// audit.Tracker.
//
// [audit.Tracker]: https://pkg.go.dev/github.com/opendeed/audit#Tracker
// [audit.TrackerProvider]: https://pkg.go.dev/github.com/opendeed/audit#TrackerProvider
package embedded

// Tracker is embedded in implementations of audit.Tracker.
type Tracker interface{ tracker() }

// TrackerProvider is embedded in implementations of audit.TrackerProvider.
type TrackerProvider interface{ trackerProvider() }

// TrackerConfig has what the options of a tracker set. An implementation of
// audit.TrackerProvider calls each audit.TrackerOption with one.
type TrackerConfig struct {
	// Version is the version of the instrumented package.
	Version string
}
