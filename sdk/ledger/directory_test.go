package ledger

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lockedBy is set for the process that TestTwoProcesses starts.
const lockedBy = "LEDGER_TEST_LOCKED"

func TestTwoProcesses(t *testing.T) {
	if dir := os.Getenv(lockedBy); dir != "" {
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
	other.Env = append(os.Environ(), lockedBy+"="+dir)
	out, err := other.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestTwoProcesses")

	require.NoError(t, l.Close())
	mustOpen(t, dir)
}

// mustOpen opens a ledger of small segments, which is closed when the test ends.
func mustOpen(t *testing.T, dir string, opts ...Option) *Ledger {
	t.Helper()
	l, err := Open(dir, append([]Option{WithSegmentSize(MinSegmentSize)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func mustAppend(t *testing.T, l *Ledger, entries ...string) uint64 {
	t.Helper()
	var all [][]byte
	for _, e := range entries {
		all = append(all, []byte(e))
	}
	first, err := l.Append(t.Context(), all...)
	require.NoError(t, err)
	return first
}

// fourSegments fills four segments with three entries each, of which the last may be
// of fewer.
func fourSegments(t *testing.T, dir string) *Ledger {
	t.Helper()
	l := mustOpen(t, dir)
	for i := range 11 {
		mustAppend(t, l, fmt.Sprint(i+1, strings.Repeat("x", MinSegmentSize/4)))
	}
	require.Equal(t, 4, l.Stats().Segments)
	return l
}

// watchNow has the ledger look at its file with the next commit.
func (l *Ledger) watchNow() {
	l.role.Lock()
	defer l.role.Unlock()
	l.watched = time.Time{}
}

func TestDeletedSegment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		number uint64
		lost   [2]uint64
	}{
		{"oldest", 1, [2]uint64{1, 3}},
		{"middle", 3, [2]uint64{7, 9}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			l := fourSegments(t, dir)
			c, err := l.Cursor("sink")
			require.NoError(t, err)
			require.NoError(t, os.Remove(filepath.Join(dir, segmentName(test.number))))
			requireLost(t, test.lost, 11, func() ([]Entry, error) { return c.Next(t.Context(), 1, 1) })
			assert.EqualValues(t, 12, mustAppend(t, l, "still taken"))
			require.NoError(t, l.Close())
			requireReadersLose(t, dir, test.lost, 12)

			_, err = Open(dir)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, segmentName(test.number), corrupt.Segment)

			l = mustOpen(t, dir, WithSalvage())
			assert.NotEmpty(t, l.Recovered().Damage)
			assert.EqualValues(t, 13, mustAppend(t, l, "behind"))
			require.NoError(t, l.Close())
			requireReadersLose(t, dir, test.lost, 13)
		})
	}
}

// requireLost reads up to the last entry and requires that it is told once of those
// that are lost, and has all others.
func requireLost(t *testing.T, lost [2]uint64, last uint64, next func() ([]Entry, error)) {
	t.Helper()
	var told [][2]uint64
	for at := uint64(1); at <= last; {
		entries, err := next()
		if err != nil {
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			told = append(told, [2]uint64{corrupt.From, corrupt.To})
			at = corrupt.To + 1
			continue
		}
		require.Equal(t, at, entries[0].Seq)
		at++
	}
	require.Equal(t, [][2]uint64{lost}, told)
}

func requireReadersLose(t *testing.T, dir string, lost [2]uint64, last uint64) {
	t.Helper()
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	next := iterate(t, r)
	requireLost(t, lost, last, next)
	_, err = next()
	require.ErrorIs(t, err, errNoMore)
}

var errNoMore = fmt.Errorf("there are no more entries")

// iterate returns what a reader yields, one after the other.
func iterate(t *testing.T, r *Reader) func() ([]Entry, error) {
	type yielded struct {
		entries []Entry
		err     error
	}
	var all []yielded
	for e, err := range r.Entries(t.Context(), 0) {
		all = append(all, yielded{[]Entry{{Seq: e.Seq, Data: bytes.Clone(e.Data)}}, err})
	}
	return func() ([]Entry, error) {
		if len(all) == 0 {
			return nil, errNoMore
		}
		y := all[0]
		all = all[1:]
		return y.entries, y.err
	}
}

func TestDeletedNewestSegment(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed %t", closed), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			l := fourSegments(t, dir)
			if closed {
				require.NoError(t, l.Close())
			}
			require.NoError(t, os.Remove(filepath.Join(dir, segmentName(4))))
			if !closed {
				l.watchNow()
				var corrupt *CorruptError
				_, err := l.Append(t.Context(), []byte("refused"))
				require.ErrorAs(t, err, &corrupt)
				assert.Equal(t, [2]uint64{10, 11}, [2]uint64{corrupt.From, corrupt.To})
				_, err = l.Append(t.Context(), []byte("refused"))
				require.ErrorAs(t, err, &corrupt)
				require.ErrorAs(t, l.Close(), &corrupt)
			}
			_, err := Open(dir)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, segmentName(4), corrupt.Segment)

			l = mustOpen(t, dir, WithSalvage())
			first := mustAppend(t, l, "behind")
			require.Greater(t, first, uint64(11), "no number is used again")
			require.NoError(t, l.Close())
			requireReadersLose(t, dir, [2]uint64{10, first - 1}, first)
		})
	}
}

func TestReplacedSegment(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, fourSegments(t, other).Close())
	for _, test := range []struct {
		name string
		from func(dir string) string
	}{
		{"from another ledger", func(string) string { return filepath.Join(other, segmentName(2)) }},
		{"from this one", func(dir string) string { return filepath.Join(dir, segmentName(3)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			require.NoError(t, fourSegments(t, dir).Close())
			replace(t, test.from(dir), filepath.Join(dir, segmentName(2)))
			_, err := Open(dir)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, segmentName(2), corrupt.Segment)
			requireReadersLose(t, dir, [2]uint64{4, 6}, 11)
		})
	}
	t.Run("while it is open", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "ledger")
		l := fourSegments(t, dir)
		active := filepath.Join(dir, segmentName(4))
		replace(t, active, active)
		l.watchNow()
		_, err := l.Append(t.Context(), []byte("refused"))
		require.ErrorAs(t, err, new(*CorruptError))
	})
}

// replace puts a copy of a file in the place of another.
func replace(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".copy", b, 0o600))
	require.NoError(t, os.Rename(to+".copy", to))
}

func TestUnsafeDirectory(t *testing.T) {
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
		"its group may write to it":    chmod("", 0o770),
		"everybody may write to it":    chmod("", 0o702),
		"a group may write to a file":  chmod(segmentName(4), 0o620),
		"a group may write to a state": chmod(stateFile, 0o620),
		"everybody may write a cursor": chmod("sink"+cursorSuffix, 0o606),
		"a segment is a link":          link(segmentName(4)),
		"the state is a link":          link(stateFile),
		"a cursor is a link":           link("sink" + cursorSuffix),
		"the lock is a link":           link(lockFile),
		"the lock is a dangling link": func(t *testing.T, dir string) string {
			require.NoError(t, os.Remove(filepath.Join(dir, lockFile)))
			require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "made"), filepath.Join(dir, lockFile)))
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
				require.ErrorIs(t, err, ErrUnsafe)
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

// link moves a file elsewhere and puts a link to it in its place.
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
	assert.True(t, slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == lockFile }))
}

func TestWrongOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for _, name := range []string{"", stateFile, segmentName(4)} {
		dir := filepath.Join(t.TempDir(), "ledger")
		require.NoError(t, fourSegments(t, dir).Close())
		require.NoError(t, os.Chown(filepath.Join(dir, name), 65534, 65534))
		_, err := Open(dir)
		require.ErrorIs(t, err, ErrUnsafe, "%q", name)
		assert.Len(t, readAll(t, dir), 11, "readers may be others")
	}
}

func TestReaderNeedsALedger(t *testing.T) {
	t.Parallel()
	_, err := OpenReader(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenReader(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
