package archive_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDir(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) archive.Store { t.Helper(); return newDir(t) })
}

func TestOpenDirErrors(t *testing.T) {
	t.Parallel()
	_, err := archive.OpenDir(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = archive.CreateDir(filepath.Join(t.TempDir(), "absent", "dir"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = archive.CreateDir(file)
	require.Error(t, err)
}

// TestDirLeavesNothing: no temporary file is left, old ones are removed, and the files are
// for their owner only.
func TestDirLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archives")
	d, err := archive.CreateDir(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	require.NoError(t, os.Mkdir(filepath.Join(path, "a"), 0o700))
	stale, fresh := filepath.Join(path, "a", ".new-stale"), filepath.Join(path, "a", ".new-fresh")
	require.NoError(t, os.WriteFile(stale, []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(fresh, []byte("x"), 0o600))
	old := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(stale, old, old))
	require.Error(t, d.Put(t.Context(), "a/b", bytes.NewReader(nil), 5))
	require.NoError(t, d.Put(t.Context(), "a/b", bytes.NewReader([]byte("12345")), 5))
	files, err := os.ReadDir(filepath.Join(path, "a"))
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		if info, err := f.Info(); assert.NoError(t, err) && runtime.GOOS != "windows" {
			assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		}
	}
	assert.Equal(t, []string{".new-fresh", "b"}, names)
	if info, err := os.Stat(path); assert.NoError(t, err) && runtime.GOOS != "windows" {
		assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	}
}

// TestDirFollowsNoLink: a link does not lead out of the directory.
func TestDirFollowsNoLink(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600))
	d := newDir(t)
	err := os.Symlink(outside, filepath.Join(d.Path(), "a"))
	if err != nil && runtime.GOOS == "windows" {
		t.Skip("making a link needs a privilege: ", err)
	}
	require.NoError(t, err)
	_, err = d.ReadAt(t.Context(), "a/secret", make([]byte, 1), 0)
	require.Error(t, err)
	require.Error(t, d.Put(t.Context(), "a/new", bytes.NewReader(nil), 0))
}
