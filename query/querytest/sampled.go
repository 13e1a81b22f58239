package querytest

import "testing"

// raceDetector reports whether the tests run with the race detector, which makes them ten
// times slower.
var raceDetector bool

// sampled reports whether some of many cases suffice: CI runs the others without the race
// detector.
func sampled() bool { return raceDetector || testing.Short() }
