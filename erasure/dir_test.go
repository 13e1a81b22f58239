package erasure_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/erasure/keytest"
	"github.com/stretchr/testify/require"
)

func newDir(t *testing.T) *erasure.Dir {
	t.Helper()
	d, err := erasure.CreateDir(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestDir(t *testing.T) {
	t.Parallel()
	keytest.Run(t, func(t *testing.T) erasure.KeyStore { return newDir(t) })
}

// files returns the names and contents of all files below a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = string(content)
		return err
	}))
	return found
}

func TestDirIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	d := newDir(t)
	user := erasure.Subject{Type: "user", ID: "42"}
	_, err := d.Key(t.Context(), user)
	require.NoError(t, err)
	var key string
	for name, content := range files(t, d.Path()) {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
		if strings.HasSuffix(name, ".key") {
			key = name
			require.Contains(t, content, `"id":"42"`)
		}
	}
	require.NoError(t, os.Chmod(key, 0o640))
	_, err = d.Key(t.Context(), user)
	require.ErrorIs(t, err, erasure.ErrInsecure)
	require.NoError(t, os.Chmod(d.Path(), 0o750))
	_, err = erasure.OpenDir(d.Path())
	require.ErrorIs(t, err, erasure.ErrInsecure)
	_, err = erasure.OpenDir(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = erasure.OpenDir(t.TempDir())
	require.Error(t, err, "a directory that is no key store")
}

func TestDirReportsDamage(t *testing.T) {
	t.Parallel()
	d := newDir(t)
	user, other := erasure.Subject{Type: "user", ID: "42"}, erasure.Subject{Type: "user", ID: "43"}
	var names [2]string
	for i, s := range []erasure.Subject{user, other} {
		before := files(t, d.Path())
		_, err := d.Key(t.Context(), s)
		require.NoError(t, err)
		for name := range files(t, d.Path()) {
			if _, ok := before[name]; !ok {
				names[i] = name
			}
		}
	}
	content, err := os.ReadFile(names[0])
	require.NoError(t, err)
	for what, damaged := range map[string][]byte{
		"half of it": content[:len(content)/2], "zeros": make([]byte, len(content)), "nothing": nil,
		"another key": []byte(files(t, d.Path())[names[1]]),
	} {
		require.NoError(t, os.WriteFile(names[0], damaged, 0o600))
		_, err := d.Key(t.Context(), user)
		require.ErrorContains(t, err, "damaged", what)
		require.ErrorContains(t, err, names[0], what)
		require.NotErrorIs(t, err, erasure.ErrNoKey, what)
	}
}

// TestDirNoticesFlippedBits returns no other secret when a bit of a file flips, and looks for no
// subject under another name.
func TestDirNoticesFlippedBits(t *testing.T) {
	t.Parallel()
	d := newDir(t)
	user := erasure.Subject{Type: "user", ID: "42"}
	k, err := d.Key(t.Context(), user)
	require.NoError(t, err)
	all := files(t, d.Path())
	require.Len(t, all, 2, "the store and the key")
	for name, content := range all {
		for i := range content {
			flipped := []byte(content)
			flipped[i] ^= 1 << (i % 8)
			require.NoError(t, os.WriteFile(name, flipped, 0o600))
			again, err := erasure.OpenDir(d.Path())
			if err == nil {
				var got *erasure.Key
				if got, err = again.Key(t.Context(), user); err == nil {
					require.Equal(t, k.Secret(), got.Secret())
				}
				require.NoError(t, again.Close())
			}
			require.ErrorContains(t, err, "damaged", "%s, byte %d", name, i)
		}
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	require.Equal(t, all, files(t, d.Path()))
}
