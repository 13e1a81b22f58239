package seal

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileNames returns the names of the files of a seal, in the directory of a ledger.
func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(filepath.Join(dir, DirName)), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// TestTornTiles starts after a crash left a part of each tile, alone: it is made again. Each is
// below the durable state, and then above it.
func TestTornTiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.start(WithInterval(time.Hour)))
	f.append(800)
	f.stop()
	whole := copyTree(t, f.dir)
	names := slices.DeleteFunc(fileNames(t, f.dir), func(name string) bool { return !strings.HasPrefix(name, "tile/") })
	require.Len(t, names, 3+2)
	for _, name := range names {
		want, err := os.ReadFile(filepath.Join(whole, DirName, name))
		require.NoError(t, err)
		sizes := []int{31, 0, len(want) - 1}
		if raceDetector {
			sizes = sizes[:1] // the others take the same path
		}
		for _, size := range sizes {
			for _, durable := range []bool{true, false} {
				f.restore(whole)
				path := filepath.Join(f.dir, DirName, name)
				require.NoError(t, os.Truncate(path, int64(size)))
				if !durable {
					require.NoError(t, os.Remove(filepath.Join(f.dir, DirName, stateName)))
				}
				require.NoError(t, f.start())
				f.stop()
				got, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, want, got, "%s of %d bytes, durable state: %v", name, size, durable)
				require.Empty(t, f.verify().Findings)
			}
		}
	}
}

// TestTornTileAbove has a part of the tile that was being written when the process was killed: no
// checkpoint covers it yet. What is sealed later replaces it.
func TestTornTileAbove(t *testing.T) {
	t.Parallel()
	for _, left := range []string{"", "a part", strings.Repeat("longer than a full tile", 1000)} {
		f := newFixture(t).make(300)
		path := filepath.Join(f.dir, DirName, "tile", "0", "001")
		require.NoError(t, os.WriteFile(path, []byte(left), fileMode))
		require.Empty(t, f.verify().Findings)
		require.NoError(t, f.start())
		require.Empty(t, f.verify().Findings)
		f.append(300)
		f.stop()
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, 8192, info.Size())
		require.Empty(t, f.verify().Findings)
	}
}

// TestCreate stores a file that does not exist, and replaces one that does without changing it: a
// reader that has the old one open still reads all of it.
func TestCreate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "seal")
	files := OpenDir(dir)
	require.NoError(t, files.Create("tile/0/000", []byte("a part")))
	old, err := os.Open(filepath.Join(dir, "tile", "0", "000"))
	require.NoError(t, err)
	defer old.Close()
	require.NoError(t, files.Create("tile/0/000", []byte("the whole")))
	got, err := files.Read("tile/0/000")
	require.NoError(t, err)
	require.Equal(t, "the whole", string(got))
	got = make([]byte, 16)
	n, err := old.ReadAt(got, 0)
	require.Error(t, err, "the end of the file")
	require.Equal(t, "a part", string(got[:n]))
	require.Equal(t, []string{"tile/0/000"}, fileNames(t, filepath.Dir(dir)))
}
