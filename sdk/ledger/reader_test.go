package ledger

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// listHook is a file system that calls before ahead of each List.
type listHook struct {
	fileSystem
	before func()
}

func (h *listHook) List() ([]string, error) {
	h.before()
	return h.fileSystem.List()
}

// TestReaderDuringRemoval removes segments while a reader reads. The reader must not
// report them as missing.
func TestReaderDuringRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithRetention(0, 0))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 5)
		seq := uint64(3)
		r := &Reader{dir: &listHook{d.open(nil), func() {
			require.NoError(t, c.Commit(seq))
			synctest.Wait()
			seq = min(seq+3, 12)
		}}}
		var got []uint64
		for e, err := range r.Entries(t.Context(), 0) {
			require.NoError(t, err)
			got = append(got, e.Seq)
		}
		require.Equal(t, []uint64{13}, got, "four of five segments were removed meanwhile")
	})
}
