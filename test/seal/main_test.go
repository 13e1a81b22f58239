// Package seal_test holds a sealed ledger against other people's implementations.
package seal_test

import (
	"io"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/klog/v2"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false) // that of tessera
	klog.SetOutput(io.Discard)
	// After an error, tessera's fsck leaves its workers waiting.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/transparency-dev/tessera/fsck.(*fsckTree).resourceCheckWorker.func1"))
}
