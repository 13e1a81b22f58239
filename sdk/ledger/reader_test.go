package ledger

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// listHook is a file system in which something happens ahead of each List.
type listHook struct {
	fileSystem
	before func()
}

func (h *listHook) List() ([]string, error) {
	h.before()
	return h.fileSystem.List()
}

// TestReaderBesideRemoval removes segments between two looks of a reader: they are not
// missing.
func TestReaderBesideRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		l := openMemory(t, d, nil, WithRetention(0, 0))
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
		require.Equal(t, []uint64{13}, got, "of five segments, four were removed on the way")
	})
}
