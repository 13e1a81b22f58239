package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keeperFunc is a Keeper that is one function.
type keeperFunc func(ctx context.Context, s *Sidecars) error

func (k keeperFunc) Keep(ctx context.Context, s *Sidecars) error { return k(ctx, s) }

// countKeeper keeps the number of its entries beside each closed segment.
func countKeeper(ctx context.Context, s *Sidecars) error {
	names, err := s.Names()
	if err != nil {
		return err
	}
	for _, seg := range s.Segments() {
		if !seg.Closed() || len(names[seg.Number]) > 0 {
			continue
		}
		n := 0
		for f, err := range s.Frames(ctx, seg.First, seg.Next-1) {
			if err != nil {
				return err
			}
			n += f.Entries
		}
		if err := s.Write(seg.Number, "count", func(w io.Writer) error {
			_, err := fmt.Fprint(w, n)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func fill(t *testing.T, l *Ledger, entries int) {
	t.Helper()
	for range entries {
		_, err := l.Append(t.Context(), make([]byte, 20_000))
		require.NoError(t, err)
	}
}

func sidecars(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.count"))
	require.NoError(t, err)
	return files
}

// TestSidecars: each closed segment gets its sidecar, and loses it with the segment.
func TestSidecars(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	open := func(opts ...Option) *Ledger {
		l, err := Open(dir, append(opts, WithSegmentSize(MinSegmentSize), WithErrorHandler(func(err error) { t.Error(err) }))...)
		require.NoError(t, err)
		return l
	}
	l := open(WithSidecars(keeperFunc(countKeeper)))
	fill(t, l, 100)
	require.Eventually(t, func() bool { return len(sidecars(t, dir)) == l.Stats().Segments-1 }, time.Minute, time.Millisecond)
	require.NoError(t, l.Close())
	r, err := OpenReader(dir)
	require.NoError(t, err)
	segments, _, err := r.Segments()
	require.NoError(t, err)
	for _, seg := range segments[:len(segments)-1] {
		assert.True(t, seg.Closed())
		f, err := r.OpenSidecar(seg.Number, "count")
		require.NoError(t, err)
		content, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(seg.Next-seg.First), string(content))
		require.NoError(t, f.Close())
	}
	_, err = r.OpenSidecar(segments[0].Number, "other")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = r.OpenSidecar(segments[0].Number, "../state")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, r.Close())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "000000000003.count.new"), nil, 0o600)) // a crash
	l = open(WithRetention(0, 3*MinSegmentSize))                                               // nobody keeps sidecars now
	require.Eventually(t, func() bool { return len(sidecars(t, dir)) < 5 && l.Stats().Segments < 6 }, time.Minute, time.Millisecond)
	assert.NoFileExists(t, filepath.Join(dir, "000000000003.count.new"))
	first := l.Stats().First
	require.NoError(t, l.Close())
	for _, seg := range segments {
		if _, err := os.Stat(filepath.Join(dir, sidecarName(seg.Number, "count"))); err == nil {
			assert.GreaterOrEqual(t, seg.First, first)
		}
	}

	old := sidecarName(1, "count") // its removal was interrupted
	require.NoError(t, os.WriteFile(filepath.Join(dir, old), nil, 0o600))
	require.NoError(t, open().Close())
	assert.NoFileExists(t, filepath.Join(dir, old))
}

// TestSidecarErrors: errors and panics of a Keeper reach the handler, and nothing else. Neither
// Append nor Close waits for it.
func TestSidecarErrors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	var mu sync.Mutex
	var reported []error
	calls := make(chan struct{}, 100)
	broken := errors.New("broken")
	l, err := Open(dir, WithSegmentSize(MinSegmentSize), WithErrorHandler(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, err)
	}), WithSidecars(keeperFunc(func(ctx context.Context, s *Sidecars) error {
		calls <- struct{}{}
		switch len(s.Segments()) {
		case 1:
			return broken
		case 2:
			panic("very broken")
		default:
			<-ctx.Done()
			return ctx.Err()
		}
	})))
	require.NoError(t, err)
	<-calls
	for n := 1; n < 4; n++ {
		for l.Stats().Segments == n {
			fill(t, l, 1)
		}
		if n < 3 {
			<-calls
		}
	}
	require.NoError(t, l.Close())
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, reported)
	require.ErrorIs(t, reported[0], broken)
	assert.ErrorContains(t, errors.Join(reported...), "Keep: it panicked with a string")
	assert.NotContains(t, errors.Join(reported...).Error(), "very broken")
	assert.NotErrorIs(t, errors.Join(reported...), context.Canceled)
}

func TestValidSidecar(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index", "index-12", "x"} {
		assert.True(t, ValidSidecar(name), name)
		number, parsed, ok := parseSidecar(sidecarName(7, name))
		assert.True(t, ok && number == 7 && parsed == name, name)
	}
	for _, name := range []string{"", "segment", "cursor", "new", "damaged", "Index", "1", "a.b", "a/b", "-a"} {
		assert.False(t, ValidSidecar(name), name)
	}
	for _, file := range []string{"state", "1.index", "000000000001.segment", "000000000001.segment.damaged", "reader.cursor", "000000000001.cursor", "000000000001.index.new"} {
		_, _, ok := parseSidecar(file)
		assert.False(t, ok, file)
	}
}

// TestWriteSidecarFaults lets each operation of replacing a sidecar fail, and cuts the power
// there or afterwards. The old content, the new one, or no file remains; the new one if Write
// succeeded.
func TestWriteSidecarFaults(t *testing.T) {
	t.Parallel()
	file := sidecarName(1, "count")
	older, newer := strings.Repeat("old", 2000), strings.Repeat("new", 3000)
	write := func(dir fileSystem, text string) error {
		return writeSidecar(dir, 1, "count", func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	}
	for _, kind := range []faultKind{faultNoEffect, faultShort, faultAfterEffect, faultFull, faultPowerCut} {
		for seed := range uint64(20) {
			for at, hit := 1, true; hit; at++ {
				disk := newMemDisk(rand.New(rand.NewPCG(seed, uint64(at))))
				require.NoError(t, write(disk.open(nil), older))
				faults := &faults{kind: kind, at: at}
				err := write(disk.open(faults), newer)
				_, hit = faults.hitOperation()
				after := disk.powerCut()
				node, found := after.names[file]
				switch {
				case err == nil:
					require.True(t, found && string(node.data) == newer, "%s, operation %d", kind, at)
				case found:
					require.Contains(t, []string{older, newer}, string(node.data), "%s, operation %d", kind, at)
				}
			}
		}
	}
}

// TestReadFrame reads every frame by its place, and rejects places where there is none.
func TestReadFrame(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := Open(dir, WithSegmentSize(MinSegmentSize), WithDenseFrames())
	require.NoError(t, err)
	for i := range 30 {
		_, err := l.Append(t.Context(), []byte(fmt.Sprint(i)), make([]byte, 3000))
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	r, err := OpenReader(dir)
	require.NoError(t, err)
	segments, _, err := r.Segments()
	require.NoError(t, err)
	files := map[uint64]*SegmentFile{}
	for _, seg := range segments {
		files[seg.Number], err = r.OpenSegment(seg)
		require.NoError(t, err)
	}
	n := 0
	for f, err := range r.Frames(t.Context(), 1, math.MaxUint64) {
		require.NoError(t, err)
		again, err := files[f.Segment].ReadFrame(f.Offset, f.Size, nil)
		require.NoError(t, err)
		assert.Equal(t, f, again)
		for e := range again.All() {
			n++
			assert.EqualValues(t, n, e.Seq)
		}
		assert.True(t, r.Resume(f))
		f.Checksum++
		assert.False(t, r.Resume(f))
		for _, size := range []int64{0, f.Size - 8, f.Size + 8, math.MaxInt64} {
			_, err := files[f.Segment].ReadFrame(f.Offset, size, nil)
			require.True(t, isCorrupt(err), "%v", err)
		}
	}
	assert.Equal(t, 60, n)
	for _, f := range files {
		require.NoError(t, f.Close())
	}
	again, err := r.Reopen()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	first, err := again.First()
	require.NoError(t, err)
	assert.EqualValues(t, 1, first)
	require.NoError(t, again.Close())
}
