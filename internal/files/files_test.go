package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "newest")
	for _, content := range []string{"one", "", "three"} {
		require.NoError(t, Replace(path, []byte(content), 0o640))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(b))
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")
	info, err := entries[0].Info()
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o640), info.Mode())
	}
	require.Error(t, Replace(dir, nil, 0o600), "it is a directory")
	require.ErrorIs(t, Replace(filepath.Join(dir, "none", "newest"), nil, 0o600), fs.ErrNotExist)
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// TestIsTemporary knows the names that Replace makes, and no others.
func TestIsTemporary(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), ".a.b"+temporaryMark+"*")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	of, ok := IsTemporary(filepath.Base(f.Name()))
	require.True(t, ok)
	require.Equal(t, "a.b", of)
	for _, name := range []string{"", ".", ".profile", "a.tmp-1", ".a.tmp-", ".a.tmp-x", ".tmp-1", ".a-1"} {
		_, ok := IsTemporary(name)
		assert.False(t, ok, name)
	}
}

func TestIsShared(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for mode := range fs.FileMode(0o1000) {
		require.NoError(t, os.Chmod(path, mode))
		info, err := os.Stat(path)
		require.NoError(t, err)
		want := mode&0o077 != 0 && runtime.GOOS != "windows" // which has no such modes
		require.Equal(t, want, IsShared(info), "%04o", mode)
	}
}

func TestUnsyncedNames(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "b")
	assert.Equal(t, []string{dir, filepath.Join(parent, "a")}, unsyncedNames(dir, "lock"))
	require.NoError(t, MakeDir(dir, "lock"))
	assert.Equal(t, []string{dir}, unsyncedNames(dir+"/", "lock"), "it is not in use yet")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
	assert.Empty(t, unsyncedNames(dir, "lock"))
	require.NoError(t, MakeDir(dir, "lock"), "it exists")
	if runtime.GOOS == "windows" {
		return // it has nothing to sync
	}
	require.ErrorContains(t, SyncName(filepath.Join(parent, "none", "x")), "none, in which x was created")
}
