package seal

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchProof(t *testing.T) {
	t.Parallel()
	const size = 700
	f := newFixture(t).make(size)
	files := OpenDir(filepath.Join(f.dir, DirName))
	all := f.entries()
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 60 {
		n := 1 + random.IntN(40)
		seqs := random.Perm(size)[:n]
		contiguous := n == 1
		if round%3 == 0 { // a range
			from := random.IntN(size - n)
			for i := range seqs {
				seqs[i] = from + i
			}
			contiguous = true
		}
		var hashes []Hash
		for _, s := range seqs {
			hashes = append(hashes, HashLeaf(all[uint64(s+1)]))
		}
		p, err := ProveAll(files, hashes, f.key.Verifier())
		require.NoError(t, err)
		opened, err := OpenBatchProof(p.Encode(), f.key.Verifier())
		require.NoError(t, err)
		require.Equal(t, p, opened)
		require.NoError(t, opened.Check(hashes))
		if contiguous {
			require.True(t, opened.Contiguous())
			require.Less(t, len(opened.Hashes), 24)
		}

		forged := append([]Hash(nil), hashes...)
		at := random.IntN(n)
		forged[at][0] ^= 1
		require.ErrorIs(t, opened.Check(forged), ErrNotProved, "changed")
		require.ErrorIs(t, opened.Check(hashes[:n-1]), ErrNotProved, "left out")
		require.ErrorIs(t, opened.Check(append(forged, hashes[at])), ErrNotProved, "put in")
		if n > 1 {
			forged = append([]Hash(nil), hashes...)
			forged[0], forged[n-1] = forged[n-1], forged[0]
			require.ErrorIs(t, opened.Check(forged), ErrNotProved, "out of order")
		}
		opened.Leaves[at] = (opened.Leaves[at] + 1) % size
		require.ErrorIs(t, opened.Check(hashes), ErrNotProved, "another leaf")
	}
	_, err := ProveAll(files, []Hash{HashLeaf([]byte("no entry"))}, f.key.Verifier())
	require.ErrorIs(t, err, ErrNotSealed)
	var everything []Hash
	for seq := range uint64(size) {
		everything = append(everything, HashLeaf(all[seq+1]))
	}
	p, err := ProveAll(files, everything, f.key.Verifier())
	require.NoError(t, err)
	require.Empty(t, p.Hashes)
	require.True(t, p.Contiguous())
}

func FuzzOpenBatchProof(f *testing.F) {
	key, err := CreateKey(filepath.Join(f.TempDir(), "key"), "example.com/audit")
	require.NoError(f, err)
	h := HashLeaf([]byte("entry"))
	c := Checkpoint{Origin: "example.com/audit/1", Size: 2, Root: hashNode(h, h)}
	require.NoError(f, c.sign(key.signer))
	f.Add((&BatchProof{Leaves: []int64{1}, Hashes: []Hash{h}, Checkpoint: c}).Encode())
	f.Add(bytes.Replace((&BatchProof{Leaves: []int64{0, 1}, Checkpoint: c}).Encode(), []byte("0-1"), []byte("1 0"), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := OpenBatchProof(text, key.Verifier())
		if err == nil && len(p.Leaves) < 100 && p.Check(make([]Hash, len(p.Leaves))) == nil {
			t.Fatal("it proves entries that were not sealed")
		}
	})
}
