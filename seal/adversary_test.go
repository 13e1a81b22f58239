package seal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// adversaryStep is how far apart the positions are at which TestAdversary edits the log. With
// OPENDEED_ADVERSARY_STEP=1 it edits every entry, which takes minutes.
func adversaryStep(t *testing.T) int {
	t.Helper()
	step, err := strconv.Atoi(os.Getenv("OPENDEED_ADVERSARY_STEP"))
	switch {
	case err == nil && step > 0:
		return step
	case sampled():
		return 331
	}
	return 97
}

// raceDetector reports whether the tests run with the race detector.
var raceDetector bool

func sampled() bool { return raceDetector || testing.Short() }

const adversaryEntries = 1000

// edit is what a forger does to an entry, and what must be found.
type edit struct {
	name string
	do   func(f *forger, seq uint64)
	want func(seq uint64) []Finding
}

func one(kind Kind, first uint64) []Finding {
	return []Finding{{Kind: kind, First: first, Last: first}}
}

var edits = []edit{
	{
		"flip", func(f *forger, seq uint64) {
			data := bytes.Clone(f.entry(seq))
			data[len(data)/2] ^= 1
			f.set(seq, data)
		},
		func(seq uint64) []Finding { return one(Changed, seq) },
	},
	{
		"delete and renumber", func(f *forger, seq uint64) { f.remove(seq, 1) },
		func(seq uint64) []Finding { return one(Missing, seq) },
	},
	{
		"empty", func(f *forger, seq uint64) { f.set(seq, nil) },
		func(seq uint64) []Finding { return one(Changed, seq) },
	},
	{
		"swap", func(f *forger, seq uint64) {
			if seq == adversaryEntries {
				seq--
			}
			a, b := f.entry(seq), f.entry(seq+1)
			f.set(seq, b)
			f.set(seq+1, a)
		},
		nil, // either of both is named as out of order
	},
	{
		"swap with one far away", func(f *forger, seq uint64) {
			other := (seq+adversaryEntries/2)%adversaryEntries + 1
			a, b := f.entry(seq), f.entry(other)
			f.set(seq, b)
			f.set(other, a)
		},
		nil,
	},
	{
		"insert and renumber", func(f *forger, seq uint64) { f.insert(seq, []byte(`{"id":"forged"}`)) },
		func(seq uint64) []Finding { return one(PutIn, seq) },
	},
	{
		"double and renumber", func(f *forger, seq uint64) { f.insert(seq, f.entry(seq)) },
		nil, // either of both was put in
	},
	{
		"replace by another one", func(f *forger, seq uint64) { f.set(seq, f.entry(seq%adversaryEntries+1)) },
		nil,
	},
	{
		"truncate", func(f *forger, seq uint64) { f.truncate(seq) },
		func(seq uint64) []Finding { return []Finding{{Kind: Missing, First: seq, Last: adversaryEntries}} },
	},
}

// TestAdversary edits a sealed log at many positions, with valid checksums, and requires that
// each edit is found and named: by Verify, and, where it concerns the end, by the next Start.
func TestAdversary(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithSegmentSize(1 << 20), ledger.WithDenseFrames(), ledger.WithScrub(0)}
	f.make(adversaryEntries)
	honest := readForger(t, f.dir)
	for _, e := range edits {
		for seq := uint64(1); seq <= adversaryEntries; seq += uint64(adversaryStep(t)) {
			forged := honest.clone()
			e.do(forged, seq)
			forged.write()
			report := f.verify()
			explain := fmt.Sprintf("%s at entry %d: %v", e.name, seq, report.Findings)
			if e.name == "double and renumber" && seq == adversaryEntries { // nothing is known of what follows the last one
				require.Empty(t, report.Findings)
				require.Greater(t, report.Last, report.Proved)
				continue
			}
			require.NotEmpty(t, report.Findings, explain)
			if e.want == nil {
				requireNear(t, report.Findings, seq, explain)
			} else {
				got := report.Findings
				for i := range got {
					got[i].Detail = ""
				}
				require.Equal(t, e.want(seq), got, explain)
			}
		}
	}
	honest.write()
	require.Empty(t, f.verify().Findings)
}

// requireNear requires that the findings name an entry, or one of its neighbors, and no others
// than what the edit touched.
func requireNear(t *testing.T, found []Finding, seq uint64, explain string) {
	t.Helper()
	near := false
	for _, f := range found {
		near = near || f.First <= seq+1 && seq <= f.Last+1
	}
	require.True(t, near, explain)
	require.LessOrEqual(t, len(found), 2, explain)
}

// TestAdversaryWithTiles edits an entry, and the tiles that would tell which one it was.
func TestAdversaryWithTiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithSegmentSize(1 << 20), ledger.WithDenseFrames(), ledger.WithScrub(0)}
	f.make(adversaryEntries)
	honest := readForger(t, f.dir)
	copyOf := copyTree(t, filepath.Join(f.dir, DirName))
	tile := func(name string) string { return filepath.Join(f.dir, DirName, filepath.FromSlash(name)) }
	tests := []struct {
		name   string
		tiles  func()
		finds  Finding
		honest []Finding // what is found if the entries are as they were
	}{
		{"the tile of the entry is removed", func() { require.NoError(t, os.Remove(tile("tile/0/001"))) }, Finding{Kind: Altered, First: 257, Last: 512}, nil},
		{"the tile of the entry is forged", func() { forgeTile(t, tile("tile/0/001"), 300-257) }, Finding{Kind: Altered, First: 257, Last: 512}, nil},
		{"the tiles above it are forged too", func() {
			forgeTile(t, tile("tile/0/001"), 300-257)
			forgeTile(t, tile("tile/1/000.p/3"), 1)
		}, Finding{Kind: Altered, First: 1, Last: adversaryEntries}, nil},
		{"all tiles are removed", func() { require.NoError(t, os.RemoveAll(tile("tile"))) }, Finding{Kind: Altered, First: 1, Last: adversaryEntries}, nil},
		{"the seal is removed", func() { require.NoError(t, os.RemoveAll(tile(""))) }, Finding{Kind: Altered, First: 1, Last: adversaryEntries}, []Finding{{Kind: BadCheckpoint}}},
	}
	for _, test := range tests {
		forged := honest.clone()
		edits[0].do(forged, 300)
		forged.write()
		test.tiles()
		got := f.verify().Findings
		for i := range got {
			got[i].Detail = ""
		}
		require.Contains(t, got, test.finds, test.name)
		honest.write()
		got = f.verify().Findings
		for i := range got {
			got[i].Detail = ""
		}
		require.Equal(t, test.honest, got, test.name+", with honest entries")
		require.NoError(t, os.RemoveAll(tile("")))
		require.NoError(t, os.CopyFS(tile(""), os.DirFS(copyOf)))
	}
	require.Empty(t, f.verify().Findings)
}

// forgeTile flips a bit of a hash.
func forgeTile(t *testing.T, path string, hash int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[hash*32] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// copyTree returns a copy of a directory.
func copyTree(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}
