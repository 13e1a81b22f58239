package ledger

import (
	"testing"

	"go.uber.org/goleak"
)

// raceDetector reports whether the tests run with the race detector, which makes them ten
// times slower.
var raceDetector bool

// sampled reports whether a test of very many cases takes some of them only. The tests of
// CI run twice: all cases without the race detector, and some with it, which finds the same
// races in each.
// Sampled is sampled, for tests outside of the package.
func Sampled() bool { return sampled() }

func sampled() bool { return raceDetector || testing.Short() }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
