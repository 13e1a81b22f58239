package ledger

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestZerosAreTrusted reads a ledger that is being written again and again. New entries are found
// at once, and damage far after the last one when the zeros are read again.
func TestZerosAreTrusted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := Open(dir, WithSegmentSize(1<<20), WithSyncInterval(time.Hour))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	write := func(size int) {
		_, err := l.Append(t.Context(), make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, l.Sync())
	}
	write(10)
	names, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	require.NoError(t, err)

	synctest.Test(t, func(t *testing.T) {
		r, err := OpenReader(dir)
		require.NoError(t, err)
		again := func() (entries int, damage error) {
			fresh, err := r.Reopen()
			require.NoError(t, err)
			require.NoError(t, r.Close())
			r = fresh
			for f, err := range r.Frames(t.Context(), 1, 100) {
				if err != nil {
					return entries, err
				}
				entries += f.Entries
			}
			return entries, nil
		}
		for n := 1; n < 5; n++ {
			entries, damage := again()
			require.NoError(t, damage)
			require.Equal(t, n, entries)
			write(10)
		}
		for range 10 {
			write(50_000)
		}
		var frames []Frame
		complete, err := OpenReader(dir)
		require.NoError(t, err)
		for f, err := range complete.Frames(t.Context(), 1, 100) {
			require.NoError(t, err)
			frames = append(frames, f)
		}
		require.NoError(t, complete.Close())
		f, err := os.OpenFile(names[0], os.O_RDWR, 0)
		require.NoError(t, err)
		from, to := frames[5].Offset, frames[len(frames)-1].Offset
		require.Greater(t, to-from, int64(readAhead))
		_, err = f.WriteAt(make([]byte, to-from), from)
		require.NoError(t, err)
		require.NoError(t, f.Close())

		entries, damage := again()
		require.NoError(t, damage, "what follows is far away")
		assert.Equal(t, 5, entries)
		time.Sleep(trustZeros)
		entries, damage = again()
		require.Error(t, damage)
		assert.Equal(t, 5, entries)
		require.NoError(t, r.Close())
	})
}
