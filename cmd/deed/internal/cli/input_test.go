package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadInput reads no more of somebody else's file than a proof can have.
func TestReadInput(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "proof")
	_, err := readInput(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
	text, err := readInput(path)
	require.NoError(t, err)
	require.Equal(t, "text", string(text))
	require.NoError(t, os.Truncate(path, maxInput+1))
	_, err = readInput(path)
	require.ErrorContains(t, err, "larger than")
}
