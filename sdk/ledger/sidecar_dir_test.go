package ledger_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSidecarDir(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := ledger.OpenSidecarDir(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	for _, text := range []string{"old", "new"} {
		for number := range uint64(3) {
			require.NoError(t, d.Write(number+1, "index", func(w io.Writer) error {
				_, err := w.Write([]byte(text))
				return err
			}))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(path, "000000000001.other.new"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(path, "notes"), nil, 0o600))
	f, err := d.Open(2, "index")
	require.NoError(t, err)
	text := make([]byte, 3)
	_, err = f.ReadAt(text, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, "new", string(text))

	require.NoError(t, d.RemoveBefore(3))
	names, err := d.Names()
	require.NoError(t, err)
	assert.Equal(t, map[uint64][]string{3: {"index"}}, names)
	left, err := filepath.Glob(filepath.Join(path, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(path, "000000000003.index"), filepath.Join(path, "notes")}, left)

	_, err = d.Open(2, "index")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, name := range []string{"../index", "segment", ""} {
		_, err = d.Open(3, name)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, d.Write(3, name, nil), fs.ErrNotExist)
	}
}
