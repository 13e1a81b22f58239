package ledgerquery_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/stretchr/testify/require"
)

// FuzzSidecar asks a ledger whose segment has an index that is wrong: any bytes instead of those at
// a place of the right one, or instead of all of it. The answers are those of a scan.
//
//fuzz:inputs 300
func FuzzSidecar(f *testing.F) {
	rng := rand.New(rand.NewPCG(16, 17))
	m := newModel(f, rng, 60)
	dir := filepath.Join(f.TempDir(), "ledger")
	indexLedger(f, dir, padded(f, m))
	file := glob(f, dir, "*.index")[0]
	right, err := os.ReadFile(file)
	require.NoError(f, err)
	f.Add(uint32(0), []byte{}, false, uint64(1))
	f.Add(uint32(8), []byte{0xff}, false, uint64(2))
	f.Add(uint32(4096), []byte{0, 0, 0, 1}, false, uint64(3))
	f.Add(uint32(len(right)/2), right[:64], false, uint64(4))
	f.Add(uint32(0), right, true, uint64(5))
	f.Add(uint32(0), []byte("no index"), true, uint64(6))
	f.Fuzz(func(t *testing.T, at uint32, data []byte, whole bool, seed uint64) {
		changed := data
		if !whole {
			place := int(at) % len(right)
			changed = bytes.Clone(right)
			copy(changed[place:], data)
		}
		require.NoError(t, os.WriteFile(file, changed, 0o600))
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		filter := m.randomFilter(rand.New(rand.NewPCG(seed, 18)))
		filter.Limit = 0
		m.check(t, reader, filter, 0, false)
	})
}

// padded makes the records of a model long, so that they fill a segment, and returns its entries.
func padded(t testing.TB, m *model) [][]byte {
	t.Helper()
	for i := range m.records {
		if m.records[i] != nil {
			m.records[i].Reason = string(bytes.Repeat([]byte("x"), 2000))
			m.entries[i] = encode(t, m.records[i])[0]
			m.positions[m.records[i]] = query.PositionOf(m.records[i])
		}
	}
	return m.entries
}
