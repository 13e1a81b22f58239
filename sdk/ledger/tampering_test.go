package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
			assert.EqualValues(t, 12, mustAppend(t, l, "accepted"))
			require.NoError(t, l.Close())
			requireReadersLose(t, dir, test.lost, 12)

			_, err = Open(dir)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, segmentName(test.number), corrupt.File)

			l = mustOpen(t, dir, WithSalvage())
			assert.NotEmpty(t, l.Recovery().Damage)
			assert.EqualValues(t, 13, mustAppend(t, l, "after"))
			require.NoError(t, l.Close())
			requireReadersLose(t, dir, test.lost, 13)
		})
	}
}

// requireLost reads up to entry last. It requires one error, for the entries in lost,
// and all other entries.
func requireLost(t *testing.T, lost [2]uint64, last uint64, next func() ([]Entry, error)) {
	t.Helper()
	var reported [][2]uint64
	for at := uint64(1); at <= last; {
		entries, err := next()
		if err != nil {
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			reported = append(reported, [2]uint64{corrupt.First, corrupt.Last})
			at = corrupt.Last + 1
			continue
		}
		require.Equal(t, at, entries[0].Seq)
		at++
	}
	require.Equal(t, [][2]uint64{lost}, reported)
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

var errNoMore = errors.New("no more entries")

// iterate returns a function that returns what a reader yields, one entry or error per
// call.
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
				_, err := l.Append(t.Context(), []byte("rejected"))
				lost := requireLostFile(t, err, dir, segmentName(4))
				require.NoFileExists(t, filepath.Join(dir, segmentName(4)))
				_, err = l.Append(t.Context(), []byte("rejected"))
				require.ErrorIs(t, err, lost)
				require.ErrorIs(t, l.Close(), lost)
			}
			_, err := Open(dir)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, segmentName(4), corrupt.File)

			l = mustOpen(t, dir, WithSalvage())
			first := mustAppend(t, l, "after")
			require.Greater(t, first, uint64(11), "no sequence number is reused")
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
			assert.Equal(t, segmentName(2), corrupt.File)
			requireReadersLose(t, dir, [2]uint64{4, 6}, 11)
		})
	}
	t.Run("while it is open", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "ledger")
		l := fourSegments(t, dir)
		active := filepath.Join(dir, segmentName(4))
		replace(t, active, active)
		_, err := l.Append(t.Context(), []byte("rejected"))
		requireLostFile(t, err, dir, segmentName(4))
	})
}

// replace replaces the file to with a copy of the file from.
func replace(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".copy", b, 0o600))
	require.NoError(t, os.Rename(to+".copy", to))
}
