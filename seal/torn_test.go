package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
	whole, names := f.makeOnce(800)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "tile/") })
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

// TestFilesAreConcurrent writes to several directories, and removes others, at the same time.
func TestFilesAreConcurrent(t *testing.T) {
	t.Parallel()
	files := OpenDir(t.TempDir())
	var group sync.WaitGroup
	for _, dir := range []string{"a", "b", "c"} {
		group.Go(func() {
			for i := range 100 {
				name := dir + "/" + strconv.Itoa(i)
				assert.NoError(t, files.Create(name, []byte(name)))
				assert.NoError(t, files.Write("same", []byte(strings.Repeat(dir, 100))))
				assert.NoError(t, files.Remove(dir+"/none"))
				got, err := files.Read(name)
				assert.NoError(t, err)
				assert.Equal(t, name, string(got))
				got, err = files.Read("same")
				assert.NoError(t, err)
				assert.Equal(t, strings.Repeat(string(got[:1]), 100), string(got))
			}
		})
	}
	group.Wait()
}

var errSync = errors.New("the device cannot write")

// droppingFiles are on a device that cannot write what Sync makes durable. The system says so once,
// and drops it unless it is written again.
type droppingFiles struct {
	Files

	fail    int // how many calls of Sync
	dropped map[string]bool
}

func (f *droppingFiles) Create(name string, data []byte) error {
	delete(f.dropped, name)
	return f.Files.Create(name, data)
}

func (f *droppingFiles) Write(name string, data []byte) error {
	delete(f.dropped, name)
	return f.Files.Write(name, data)
}

func (f *droppingFiles) Sync(names ...string) error {
	if f.fail == 0 || len(names) == 0 {
		return f.Files.Sync(names...)
	}
	f.fail--
	for _, name := range names {
		f.dropped[name] = true
	}
	return errSync
}

// TestSyncFails has a device fail when the tiles of a segment are synced, once and again. They are
// made again, since a second sync of the same files proves nothing.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	for fail := 1; fail <= 4; fail++ {
		f := newFixture(t)
		f.appendUnsealed(1600)
		files := &droppingFiles{Files: OpenDir(filepath.Join(f.dir, DirName)), fail: fail, dropped: map[string]bool{}}
		reported := make(chan error, 1)
		options := []Option{WithFiles(files), WithInterval(time.Hour), WithErrorHandler(func(err error) {
			select {
			case reported <- err:
			default:
			}
		})}
		require.NoError(t, f.start(options...))
		require.ErrorIs(t, <-reported, errSync, "the Sealer goes on")
		for err := f.sealer.Close(t.Context()); err != nil; err = f.sealer.Close(t.Context()) {
			require.ErrorIs(t, err, errSync)
			require.NoError(t, f.open.Close())
			for err = f.start(options...); err != nil; err = f.start(options...) {
				require.ErrorIs(t, err, errSync)
			}
		}
		require.NoError(t, f.open.Close())
		require.Zero(t, files.fail)
		require.Empty(t, files.dropped, "%d errors", fail)
		require.NoError(t, f.start())
		f.stop()
		require.Empty(t, f.verify().Findings, "%d errors", fail)
	}
}
