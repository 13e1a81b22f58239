package sdk_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDeadLettersWithoutProvider reads dead letters beside the provider, and drops them after
// it.
func TestDeadLettersWithoutProvider(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	for _, err := range sdk.ReadDeadLetters(t.Context(), dir) {
		require.NoError(t, err)
		require.Fail(t, "there is no ledger")
	}
	f := &follower{id: "strict", reject: func(string) error { return export.Permanent(errors.New("no")) }}
	p := openProvider(t, quiet(), sdk.WithLedger(dir, sdk.ExportTo(f, quick()...)))
	for _, id := range []string{"1", "2", "3"} {
		require.NoError(t, p.Tracker("test").Track(t.Context(), with(func(e *audit.Event) { e.Target.ID = id })))
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	read := func() (left int) {
		for letter, err := range sdk.ReadDeadLetters(t.Context(), dir) {
			require.NoError(t, err)
			assert.Equal(t, "strict", letter.Exporter)
			if !letter.Replayed {
				left++
			}
		}
		return left
	}
	assert.Equal(t, 3, read())
	_, err := sdk.DropDeadLetters(t.Context(), dir, "strict", 0)
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NoError(t, p.Shutdown(t.Context()))

	dropped, err := sdk.DropDeadLetters(t.Context(), dir, "strict", 2)
	require.NoError(t, err)
	assert.Equal(t, 2, dropped)
	assert.Equal(t, 1, read())
	dropped, err = sdk.DropDeadLetters(t.Context(), dir, "another", 0)
	require.NoError(t, err)
	assert.Zero(t, dropped)
	dropped, err = sdk.DropDeadLetters(t.Context(), dir, "strict", 0)
	require.NoError(t, err)
	assert.Equal(t, 1, dropped)
	assert.Zero(t, read())
}
