package ledger

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lockedDirEnv is the variable that passes the directory to the process that
// TestTwoProcesses starts.
const lockedDirEnv = "LEDGER_TEST_LOCKED"

func TestTwoProcesses(t *testing.T) {
	if dir := os.Getenv(lockedDirEnv); dir != "" {
		_, err := Open(dir)
		require.ErrorIs(t, err, ErrLocked)
		assert.NotEmpty(t, readAll(t, dir), "readers need no lock")
		return
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "entry")
	_, err := Open(dir)
	require.ErrorIs(t, err, ErrLocked, "the same process")

	binary, err := os.Executable()
	require.NoError(t, err)
	other := exec.CommandContext(t.Context(), binary, "-test.run=^TestTwoProcesses$", "-test.v")
	other.Env = append(os.Environ(), lockedDirEnv+"="+dir)
	out, err := other.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestTwoProcesses")

	require.NoError(t, l.Close())
	mustOpen(t, dir)
}

func TestInsecureDirectory(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, dir string) (open string){
		"the directory is a link": func(t *testing.T, dir string) string {
			require.NoError(t, os.Symlink(dir, dir+"-link"))
			return dir + "-link"
		},
		"the directory is a link, with a slash": func(t *testing.T, dir string) string {
			require.NoError(t, os.Symlink(dir, dir+"-link"))
			return dir + "-link/"
		},
		"the directory is a file": func(t *testing.T, dir string) string {
			return filepath.Join(dir, segmentName(2))
		},
		"the group may write to the directory": chmod("", 0o770),
		"others may write to the directory":    chmod("", 0o702),
		"the group may write to a segment":     chmod(segmentName(4), 0o620),
		"the group may write to the state":     chmod(stateFileName, 0o620),
		"others may write to a cursor":         chmod("sink"+cursorSuffix, 0o606),
		"a segment is a link":                  link(segmentName(4)),
		"the state is a link":                  link(stateFileName),
		"a cursor is a link":                   link("sink" + cursorSuffix),
		"the lock is a link":                   link(lockFileName),
		"the lock is a dangling link": func(t *testing.T, dir string) string {
			require.NoError(t, os.Remove(filepath.Join(dir, lockFileName)))
			require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "made"), filepath.Join(dir, lockFileName)))
			return dir
		},
		"a segment is a directory": func(t *testing.T, dir string) string {
			require.NoError(t, os.Remove(filepath.Join(dir, segmentName(4))))
			require.NoError(t, os.Mkdir(filepath.Join(dir, segmentName(4)), 0o700))
			return dir
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			l := fourSegments(t, dir)
			_, err := l.Cursor("sink")
			require.NoError(t, err)
			require.NoError(t, l.Close())
			_, err = Open(change(t, dir))
			require.Error(t, err)
			if name != "a segment is a directory" && name != "the directory is a file" {
				require.ErrorIs(t, err, ErrInsecure)
			}
		})
	}
}

func chmod(name string, mode os.FileMode) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
		return dir
	}
}

// link moves a file elsewhere and leaves a symbolic link to it.
func link(name string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		elsewhere := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Rename(filepath.Join(dir, name), elsewhere))
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, name)))
		return dir
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := fourSegments(t, dir)
	_, err := l.Cursor("sink")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeDir|0o700, info.Mode())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode(), f.Name())
	}
	assert.True(t, slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == lockFileName }))
}

func TestWrongOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a file")
	}
	for _, name := range []string{"", stateFileName, segmentName(4)} {
		dir := filepath.Join(t.TempDir(), "ledger")
		require.NoError(t, fourSegments(t, dir).Close())
		require.NoError(t, os.Chown(filepath.Join(dir, name), 65534, 65534))
		_, err := Open(dir)
		require.ErrorIs(t, err, ErrInsecure, "%q", name)
		assert.Len(t, readAll(t, dir), 11, "readers may be other users")
	}
}

func TestOpenReaderWithoutLedger(t *testing.T) {
	t.Parallel()
	_, err := OpenReader(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenReader(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
