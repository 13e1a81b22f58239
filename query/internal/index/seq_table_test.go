package index

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSeqTable compares a table with a map, also after it was cleared.
func TestSeqTable(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(41, 42))
	var table *seqTable
	_, found := table.get(1)
	require.False(t, found)
	for range 3 {
		table = table.cleared()
		want := map[uint64]uint64{}
		for range 5000 {
			key := uint64(rng.IntN(3000)) << (60 * rng.IntN(2)) // many share their last bits
			before, found := table.get(key)
			require.Equal(t, want[key], before)
			require.Equal(t, want[key] != 0, found)
			seq := 1 + rng.Uint64N(1000)
			before, found = table.set(key, seq)
			require.Equal(t, want[key], before)
			require.Equal(t, want[key] != 0, found)
			want[key] = seq
		}
		require.Equal(t, len(want), table.used)
	}
}
