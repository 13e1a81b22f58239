//go:build unix

package ledger

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// makeGroupWritable makes the ledger writable by the group, as a kubelet does for an
// fsGroup.
func makeGroupWritable(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() {
			return os.Chmod(path, 0o770|fs.ModeSetgid)
		}
		return os.Chmod(path, 0o660)
	}))
}

func TestGroupWritable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "one")
	_, err := l.Cursor("sink")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	makeGroupWritable(t, dir)
	_, err = Open(dir)
	require.ErrorIs(t, err, ErrInsecure)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "WithGroupWritable")
	_, err = OpenReader(dir)
	require.ErrorIs(t, err, ErrInsecure)

	l = mustOpen(t, dir, WithGroupWritable())
	mustAppend(t, l, "two")
	makeGroupWritable(t, dir)
	mustAppend(t, l, "three")
	require.NoError(t, l.Close())
	r, err := OpenReader(dir, WithGroupWritable())
	require.NoError(t, err)
	n := 0
	for _, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		n++
	}
	require.NoError(t, r.Close())
	assert.Equal(t, 3, n)

	require.NoError(t, os.Chmod(dir, 0o772))
	_, err = Open(dir, WithGroupWritable())
	require.ErrorIs(t, err, ErrInsecure, "others may write")
}

// TestForeignGroup changes the group of files, which only root can do.
func TestForeignGroup(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can change the group of a file")
	}
	groups, err := os.Getgroups()
	require.NoError(t, err)
	foreign := 54321
	require.False(t, slices.Contains(groups, foreign))
	for _, name := range []string{"", stateFileName, lockFileName, segmentName(1)} {
		dir := filepath.Join(t.TempDir(), "ledger")
		require.NoError(t, mustOpen(t, dir).Close())
		makeGroupWritable(t, dir)
		require.NoError(t, os.Chown(filepath.Join(dir, name), -1, foreign))
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o770))
		_, err := Open(dir, WithGroupWritable())
		require.ErrorIs(t, err, ErrInsecure, "%q", name)
		require.ErrorContains(t, err, "group 54321")
	}
	// The mount point of a volume belongs to root, and the group is the process's own.
	dir := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.Mkdir(dir, 0o770))
	require.NoError(t, os.Chmod(dir, 0o770|fs.ModeSetgid))
	require.NoError(t, os.Chown(dir, foreign, os.Getegid()))
	_, err = Open(dir)
	require.ErrorIs(t, err, ErrInsecure)
	mustAppend(t, mustOpen(t, dir, WithGroupWritable()), "entry")
}
