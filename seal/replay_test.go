package seal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// replayFixture is a sealed log of adversaryEntries, and a directory for old copies of it.
type replayFixture struct {
	*fixture

	honest *forger
	whole  string // a copy of the whole directory
}

func newReplayFixture(t *testing.T) *replayFixture {
	t.Helper()
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithSegmentSize(1 << 20), ledger.WithDenseFrames(), ledger.WithScrub(0)}
	f.make(adversaryEntries)
	return &replayFixture{fixture: f, honest: readForger(t, f.dir), whole: copyTree(t, f.dir)}
}

// oldCopy puts the directory back as it was when an entry was the last one: with a genuine
// checkpoint of that time.
func (f *replayFixture) oldCopy(last uint64) {
	f.t.Helper()
	f.restore(f.whole)
	require.NoError(f.t, os.RemoveAll(filepath.Join(f.dir, DirName)))
	require.NoError(f.t, os.Remove(filepath.Join(f.dir, CursorName+".cursor"))) // that of the old copy comes with Start
	old := f.honest.clone()
	if last < adversaryEntries {
		old.truncate(last + 1)
	}
	old.write()
	f.sealAlone()
}

// sealAlone seals the ledger without its anchor.
func (f *replayFixture) sealAlone() {
	f.t.Helper()
	l, err := ledger.Open(f.dir, f.ledger...)
	require.NoError(f.t, err)
	s, err := Start(f.t.Context(), l, f.key)
	require.NoError(f.t, err)
	require.NoError(f.t, s.Close(f.t.Context()))
	require.NoError(f.t, l.Close())
}

// TestReplayAtEveryPosition puts old copies back: alone, with other entries appended, and with
// those sealed by a stolen key.
func TestReplayAtEveryPosition(t *testing.T) {
	t.Parallel()
	f := newReplayFixture(t)
	step := 4 * uint64(adversaryStep(t))
	if step == 4 {
		step = 1
	}
	for last := uint64(1); last < adversaryEntries; last += step {
		f.oldCopy(last)
		requireReason(t, f.start(), ErrRollback, "anchor")
		report := f.verify()
		require.Len(t, report.Findings, 1)
		require.Equal(t, Missing, report.Findings[0].Kind)
		require.Equal(t, last+1, report.Findings[0].First)
		require.EqualValues(t, adversaryEntries, report.Findings[0].Last)

		f.count = 1_000_000
		f.appendUnsealed(int(adversaryEntries-last) + 5)
		requireReason(t, f.start(), ErrFork, "anchor")
		report = f.verify()
		require.Len(t, report.Findings, 1)
		require.Equal(t, Altered, report.Findings[0].Kind)
		require.Equal(t, last+1, report.Findings[0].First)

		f.sealAlone()
		requireReason(t, f.start(), ErrFork, "anchor")
		report = f.verify()
		require.Len(t, report.Findings, 1)
		require.Equal(t, BadCheckpoint, report.Findings[0].Kind)
		require.Contains(t, report.Findings[0].Detail, "contradicts")
	}
}

// TestEveryByte flips bytes of the files, without new checksums. Each flip is found, or changes
// nothing that was sealed.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithSegmentSize(1 << 20), ledger.WithDenseFrames(), ledger.WithScrub(0)}
	f.make(300)
	entries := f.entries()
	for name, step := range map[string]int{"000000000001.segment": 13, "state": 7, "seal/checkpoint": 1, "seal/tile/0/000": 97, "seal/tile/0/001.p/44": 17, "seal/tile/1/000.p/1": 3, "seal/state": 97} {
		if adversaryStep(t) > 1 {
			step *= 29
		}
		path := filepath.Join(f.dir, filepath.FromSlash(name))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		if name == "000000000001.segment" {
			content = content[:60_000] // zeros follow
		}
		for at := 0; at < len(content); at += step {
			flip(t, path, at)
			report, err := f.tryVerify()
			if err == nil && report.Intact() {
				require.EqualValues(t, 300, report.Proved, "%s, byte %d", name, at)
				require.Equal(t, entries, f.readable(), "%s, byte %d", name, at)
			}
			flip(t, path, at)
		}
	}
	require.Empty(t, f.verify().Findings)
}

// tryVerify is verify, for files that may be too damaged.
func (f *fixture) tryVerify() (*Report, error) {
	r, err := ledger.OpenReader(f.dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return Verify(f.t.Context(), r, VerifyOptions{Keys: []note.Verifier{f.key.Verifier()}, Held: f.held()})
}

// readable returns the entries that can be read.
func (f *fixture) readable() map[uint64][]byte {
	f.t.Helper()
	r, err := ledger.OpenReader(f.dir)
	require.NoError(f.t, err)
	defer r.Close()
	all := map[uint64][]byte{}
	for e, err := range r.Entries(f.t.Context(), 0) {
		if err == nil {
			all[e.Seq] = append([]byte(nil), e.Data...)
		}
	}
	return all
}

// flip flips a bit of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	var b [1]byte
	_, err = file.ReadAt(b[:], int64(at))
	require.NoError(t, err)
	b[0] ^= 1
	_, err = file.WriteAt(b[:], int64(at))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
