package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// TestRetention removes segments from a sealed ledger. What is left is verified, and what is
// gone can still be proved.
func TestRetention(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(2000)
	all := f.entries()
	require.NoError(t, f.start())
	first, err := f.open.RemoveBefore(1500)
	require.NoError(t, err)
	require.Greater(t, first, uint64(500))
	f.append(100)
	f.stop()

	report := f.verify(func(o *VerifyOptions) { o.From = first })
	require.Empty(t, report.Findings)
	require.Equal(t, first, report.First)
	require.EqualValues(t, 2100, report.Proved)
	report = f.verify()
	require.Len(t, report.Findings, 1)
	require.Equal(t, Missing, report.Findings[0].Kind)
	require.EqualValues(t, 1, report.Findings[0].First)
	require.Equal(t, first-1, report.Findings[0].Last)

	files := OpenDir(filepath.Join(f.dir, DirName))
	for _, seq := range []uint64{1, 2, 300, first - 1, first, 2000} {
		p, err := Prove(files, seq, all[seq], f.key.Verifier())
		require.NoError(t, err)
		_, err = OpenProof(p.Encode(), nil, f.key.Verifier())
		require.NoError(t, err)
		found, err := Locate(t.Context(), files, all[seq], f.key.Verifier())
		require.NoError(t, err)
		require.Equal(t, seq, found)
	}
	_, err = Locate(t.Context(), files, []byte("no entry"), f.key.Verifier())
	require.ErrorIs(t, err, ErrNotSealed)

	// Without the state, the tree is continued from the tiles.
	require.NoError(t, os.Remove(filepath.Join(f.dir, DirName, stateName)))
	require.NoError(t, f.start())
	f.append(10)
	f.stop()
	require.Empty(t, f.verify(func(o *VerifyOptions) { o.From = first }).Findings)
}

// TestBackup copies a sealed ledger beside its writer. The copy is verified, and continued.
func TestBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(300)
	require.NoError(t, f.start())
	f.append(500)
	b, err := BeginBackup(OpenDir(filepath.Join(f.dir, DirName)))
	require.NoError(t, err)
	f.append(500)
	r, err := ledger.OpenReader(f.dir)
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "copy")
	_, err = r.CopyTo(t.Context(), to)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	f.append(700)
	f.stop()
	require.NoError(t, b.CopyTo(t.Context(), OpenDir(filepath.Join(to, DirName))))
	now := f.held()

	f.dir = to
	require.NoError(t, os.WriteFile(f.anchor, b.checkpoint, 0o600))
	report := f.verify()
	require.Empty(t, report.Findings)
	require.GreaterOrEqual(t, report.Proved, uint64(300))
	require.NoError(t, os.WriteFile(f.anchor, now, 0o600))
	requireReason(t, f.start(), ErrRollback, "anchor")
	require.NoError(t, f.start(WithAdopt()))
	f.append(10)
	f.stop()
	require.Empty(t, f.verify().Findings)

	none, err := BeginBackup(OpenDir(t.TempDir()))
	require.NoError(t, err)
	require.NoError(t, none.CopyTo(t.Context(), nil))
}

// TestNothingIsRemovedBeforeItIsSealed has an eager retention. Every entry is sealed.
func TestNothingIsRemovedBeforeItIsSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ledger.WithRetention(0, 0))
	for range 3 {
		require.NoError(t, f.start())
		f.append(1500)
		f.stop()
	}
	report := f.verify(func(o *VerifyOptions) { o.From = 1 << 62 })
	require.Empty(t, report.Findings)
	require.Empty(t, report.Gaps)
	require.EqualValues(t, 4500, report.Held.Size)
	require.Greater(t, report.First, uint64(1), "segments were removed")
}

// makeLater makes a ledger of 2,000 entries, of which it removes some, and then seals it. It returns
// the first entry that is left.
func (f *fixture) makeLater() (first uint64) {
	f.t.Helper()
	l, err := ledger.Open(f.dir, f.ledger...)
	require.NoError(f.t, err)
	f.open = l
	f.append(2000)
	first, err = l.RemoveBefore(1000)
	require.NoError(f.t, err)
	require.NoError(f.t, l.Close())
	f.make(10)
	return first
}

// TestSealLater seals a ledger from which retention has removed entries already.
func TestSealLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.makeLater()
	report := f.verify(func(o *VerifyOptions) { o.From = first })
	require.Empty(t, report.Findings)
	require.Equal(t, []Gap{{First: 1, Last: first - 1, Leaf: 0}}, report.Gaps)
	require.EqualValues(t, 2010, report.Proved)
	f.requireBundles(2011 - int64(first) + 1)
}

// requireBundles requires that the bundles of all leaves have what the tiles say.
func (f *fixture) requireBundles(size int64) {
	f.t.Helper()
	r, err := ledger.OpenReader(f.dir)
	require.NoError(f.t, err)
	defer r.Close()
	files := OpenDir(filepath.Join(f.dir, DirName))
	for n := int64(0); n*tileWidth < size; n++ {
		width := int(min(tileWidth, size-n*tileWidth))
		data, err := Bundle(f.t.Context(), files, r, n, width)
		require.NoError(f.t, err)
		hashes, err := readTile(files, tlog.Tile{H: tileHeight, N: n, W: width})
		require.NoError(f.t, err)
		for _, h := range hashes {
			end := 2 + int(binary.BigEndian.Uint16(data))
			require.Equal(f.t, h, HashLeaf(data[2:end]))
			data = data[end:]
		}
		require.Empty(f.t, data)
	}
	_, err = Bundle(f.t.Context(), files, r, size/tileWidth, int(size%tileWidth)+1)
	require.ErrorIs(f.t, err, ErrNotSealed)
}

// TestDamageBecomesAGap salvages a ledger that lost entries before they were sealed.
func TestDamageBecomesAGap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithSegmentSize(1 << 20), ledger.WithDenseFrames(), ledger.WithScrub(0)}
	f.make(100)
	f.appendUnsealed(300)
	segment := filepath.Join(f.dir, "000000000001.segment")
	b, err := os.ReadFile(segment)
	require.NoError(t, err)
	at := bytes.Index(b, fmt.Appendf(nil, `{"id":%d,`, 250))
	require.Positive(t, at)
	b[at+3] ^= 1
	require.NoError(t, os.WriteFile(segment, b, 0o600))

	f.ledger = append(f.ledger, ledger.WithSalvage())
	f.make(50)
	report := f.verify()
	require.Empty(t, report.Findings)
	require.Len(t, report.Gaps, 1)
	gap := report.Gaps[0]
	require.LessOrEqual(t, gap.First, uint64(250))
	require.GreaterOrEqual(t, gap.Last, uint64(250))
	require.EqualValues(t, gap.First-1, gap.Leaf)

	files := OpenDir(filepath.Join(f.dir, DirName))
	all := map[uint64][]byte{}
	r, err := ledger.OpenReader(f.dir)
	require.NoError(t, err)
	for e, err := range r.Entries(t.Context(), 0) {
		if err == nil {
			all[e.Seq] = bytes.Clone(e.Data)
		}
	}
	require.NoError(t, r.Close())
	f.requireBundles(report.Held.Size)
	last := report.Last
	require.NotNil(t, all[last])
	for _, seq := range []uint64{gap.First - 1, gap.Last + 1, last} {
		p, err := Prove(files, seq, all[seq], f.key.Verifier())
		require.NoError(t, err)
		if seq > gap.Last {
			require.Equal(t, int64(seq-gap.Last)+gap.Leaf, p.Leaf)
		}
	}
	_, err = Prove(files, 250, nil, f.key.Verifier())
	require.ErrorIs(t, err, ErrNotProved)

	// Somebody removes the file that maps them.
	require.NoError(t, os.Remove(filepath.Join(f.dir, DirName, gapsName)))
	require.NotEmpty(t, f.verify().Findings)
}
