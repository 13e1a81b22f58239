package ledger

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestMemoryOfLargeFrames reads frames as an import writes them. They are read into one buffer,
// which is released where the frames are small again.
func TestMemoryOfLargeFrames(t *testing.T) { //nolint:paralleltest // others would use memory meanwhile
	const frames, size = 20, 1_200_000
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := Open(dir, WithScrub(0), WithSyncInterval(time.Second))
	require.NoError(t, err)
	for range frames {
		_, err := l.Append(t.Context(), bytes.Repeat([]byte("x"), size))
		require.NoError(t, err)
	}
	const small = 10
	for range small {
		_, err := l.Append(t.Context(), bytes.Repeat([]byte("x"), 100_000))
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	v, err := r.view(true)
	require.NoError(t, err)
	require.NotEmpty(t, v.catalog.extents)
	last := v.catalog.extents[len(v.catalog.extents)-1]
	seg, err := openFrames(r.dir, v.state.id, last)
	require.NoError(t, err)
	defer func() { require.NoError(t, seg.file.Close()) }()
	s := newScanner(seg, last.end)
	read := func(n int) {
		for range n {
			found, err := s.scan()
			require.NoError(t, err)
			require.True(t, found)
		}
	}
	used := allocated(func() { read(frames) })
	assert.Less(t, used, int64(3*size), "for %d frames", frames)
	read(small)
	assert.LessOrEqual(t, cap(s.buffer), 4*readAhead)

	var f Frame
	for frame, err := range r.Frames(t.Context(), frames, frames) {
		require.NoError(t, err)
		f = frame.WithoutEntries()
	}
	require.True(t, r.Resume(f))
	const times = 40 // with the race detector, a pool forgets every fourth buffer
	used = allocated(func() {
		for range times {
			require.True(t, r.Resume(f))
		}
	})
	assert.Less(t, used, int64(times*size*6/10), "to find the place of a frame again")
}
