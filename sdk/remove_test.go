package sdk_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRemoveBefore(t *testing.T) {
	t.Chdir(t.TempDir())
	p, err := sdk.NewTrackerProvider(sdk.WithLedger("audit", ledger.WithSegmentSize(ledger.MinSegmentSize)))
	require.NoError(t, err)
	ctx := audit.ContextWithActor(t.Context(), audit.User("1"))
	for range 40 {
		require.NoError(t, p.Tracker("test").Track(ctx, audit.Event{Action: "a.b", Reason: strings.Repeat("x", 4000)}))
	}
	_, err = p.RemoveBefore("other", 20)
	require.ErrorContains(t, err, "the provider has no ledger in other")
	first, err := p.RemoveBefore("./audit/", 20)
	require.NoError(t, err)
	assert.Greater(t, first, uint64(1))
	assert.LessOrEqual(t, first, uint64(20))
	require.NoError(t, p.Shutdown(t.Context()))
	_, err = p.RemoveBefore("audit", 20)
	require.ErrorIs(t, err, audit.ErrShutdown)
}
