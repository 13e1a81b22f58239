package sdk_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/control"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWithControl: a command of the same user can ask for removal, as long as the provider runs.
func TestWithControl(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sdk") //nolint:usetesting // the other path is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.WithControl(), ledger.WithSegmentSize(ledger.MinSegmentSize)))
	if runtime.GOOS == "windows" {
		require.ErrorContains(t, err, "not supported on Windows")
		return
	}
	require.NoError(t, err)
	ctx := audit.ContextWithActor(t.Context(), audit.User("1"))
	for range 40 {
		require.NoError(t, p.Tracker("test").Track(ctx, audit.Event{Action: "a.b", Reason: strings.Repeat("x", 4000)}))
	}
	first, err := control.RemoveBefore(t.Context(), dir, 20)
	require.NoError(t, err)
	assert.Greater(t, first, uint64(1))
	require.NoError(t, p.Shutdown(t.Context()))
	_, err = control.RemoveBefore(t.Context(), dir, 20)
	require.ErrorIs(t, err, control.ErrUnavailable)

	p, err = sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.WithControl(), ledger.WithRetention(0, 1<<30)))
	require.NoError(t, err)
	_, err = control.RemoveBefore(t.Context(), dir, 0)
	require.ErrorContains(t, err, "WithRetention removes segments")
	require.NoError(t, p.Shutdown(t.Context()))
}
