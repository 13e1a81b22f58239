package audittest

import (
	"fmt"
	"os"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/undertest"
	"github.com/opendeed/audit/sdk"
)

// Main runs the tests of a package whose code tracks events by the global provider, and
// returns the exit code. It lets a suite that knows nothing of the trail pass unchanged:
//
//	func TestMain(m *testing.M) {
//		os.Exit(audittest.Main(m, audit.User("test")))
//	}
//
// While the tests run, a Recorder with the options is the global provider, and actor is the
// actor of events for which nothing names one. Without such an actor, as with the zero
// Actor, those events fail with audit.ErrNoActor. A test that is about the trail uses a
// Recorder of its own.
//
// Main returns 1 without running a test if an option is invalid, and also if all tests
// pass but the provider's Shutdown fails. It prints why to standard error.
func Main(m interface{ Run() int }, actor audit.Actor, opts ...sdk.Option) int {
	r, err := newRecorder(opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "audittest:", err)
		return 1
	}
	before := audit.GetTrackerProvider()
	audit.SetTrackerProvider(r)
	defer audit.SetTrackerProvider(before)
	if !actor.IsZero() {
		actor = actor.Clone()
		undertest.SetActor(&actor)
		defer undertest.SetActor(nil)
	}

	code := m.Run()
	if err := r.shutdown(); err != nil {
		fmt.Fprintln(os.Stderr, "audittest: shutting down:", err)
		code = max(code, 1)
	}
	return code
}
