package sdk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// TestErr takes the lock of a ledger away. The provider says that only a restart helps.
func TestErr(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithLedger(dir), quiet())
	require.NoError(t, p.Err())
	trackNumbered(t, p, 1, 2)
	require.NoError(t, p.Err())
	require.NoError(t, os.Remove(filepath.Join(dir, "lock")))
	err := p.Tracker("test").Track(t.Context(), with(func(*audit.Event) {}))
	require.ErrorAs(t, err, new(*ledger.LostError))
	require.ErrorAs(t, p.Err(), new(*ledger.LostError))
	require.ErrorAs(t, p.Shutdown(t.Context()), new(*ledger.LostError))
	require.ErrorIs(t, p.Err(), audit.ErrShutdown)
}
