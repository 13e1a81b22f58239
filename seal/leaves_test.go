package seal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLeaves compares entries with the leaves after their segments were removed.
func TestLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(700)
	all := f.entries()
	old := f.held()
	require.NoError(t, f.start())
	first, err := f.open.RemoveBefore(500)
	require.NoError(t, err)
	f.append(100)
	f.stop()

	files := OpenDir(filepath.Join(f.dir, DirName))
	for _, held := range [][]byte{nil, old, f.held()} {
		leaves, err := OpenLeaves(files, held, f.key.Verifier())
		require.NoError(t, err)
		require.EqualValues(t, 800, leaves.Last())
		require.EqualValues(t, 800, leaves.Checkpoint().Size)
		for _, seq := range []uint64{1, 256, 257, first - 1, first, 700} {
			h, err := leaves.Hash(seq)
			require.NoError(t, err)
			require.Equal(t, HashLeaf(all[seq]), h)
		}
		_, err = leaves.Hash(801)
		require.ErrorIs(t, err, ErrNotSealed)
		_, err = leaves.Hash(0)
		require.ErrorIs(t, err, ErrNotSealed)
	}

	// An older directory is put back, and the newer checkpoint is held outside.
	now := f.held()
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, DirName, checkpointName), old, 0o600))
	tile := filepath.Join(f.dir, DirName, "tile", "0", "003.p", "32")
	require.NoError(t, os.Remove(tile))
	_, err = OpenLeaves(files, now, f.key.Verifier())
	require.Error(t, err)

	other := newFixture(t).make(800)
	_, err = OpenLeaves(files, other.held(), f.key.Verifier())
	require.Error(t, err, "signed by another key")
	_, err = OpenLeaves(OpenDir(filepath.Join(other.dir, DirName)), other.held(), f.key.Verifier(), other.key.Verifier())
	require.NoError(t, err)
	_, err = OpenLeaves(OpenDir(filepath.Join(other.dir, DirName)), old, f.key.Verifier(), other.key.Verifier())
	require.ErrorIs(t, err, ErrFork)
}

// TestVerifySeesEntries passes each entry to the caller.
func TestVerifySeesEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(300)
	all := f.entries()
	seen := map[uint64]string{}
	report := f.verify(func(o *VerifyOptions) { o.Entry = func(seq uint64, data []byte) { seen[seq] = string(data) } })
	require.Empty(t, report.Findings)
	require.Len(t, seen, 300)
	for seq, data := range all {
		require.Equal(t, string(data), seen[seq])
	}
}
