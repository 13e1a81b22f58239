package aside_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/cmd/deed/internal/aside"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReplace replaces a file, and leaves nothing else, also if it fails.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "proof")
	for _, content := range []string{"first", "second"} {
		require.NoError(t, aside.Replace(path, []byte(content)))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(written))
	}
	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "in"), 0o700))
	require.Error(t, aside.Replace(taken, []byte("third")))
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, 2)
	assert.Equal(t, "proof", names[0].Name())
	assert.Equal(t, "taken", names[1].Name())
}
