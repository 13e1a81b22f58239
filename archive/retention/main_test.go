package retention_test

import "testing"

// raceDetector reports whether the tests run with the race detector.
var raceDetector bool

// sampled returns how many of n random cases are tested: fewer with the race detector.
func sampled(n int) int {
	if raceDetector || testing.Short() {
		return max(1, n/8)
	}
	return n
}
