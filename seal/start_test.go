package seal

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// requireReason requires that the ledger cannot be sealed.
func requireReason(t *testing.T, err, reason error, source string) {
	t.Helper()
	anchor, ok := errors.AsType[*AnchorError](err)
	require.True(t, ok, "%v", err)
	require.ErrorIs(t, err, reason)
	require.Equal(t, source, anchor.Source)
	require.ErrorContains(t, err, "deed seal adopt")
}

// outgrow seals n entries and then more, and returns a copy of the ledger with the first n.
func (f *fixture) outgrow(n, more int) (old string) {
	f.t.Helper()
	f.make(n)
	old = copyTree(f.t, f.dir)
	require.NoError(f.t, f.start())
	f.append(more)
	f.stop()
	return old
}

// restore puts a copy of the ledger back.
func (f *fixture) restore(copied string) {
	f.t.Helper()
	require.NoError(f.t, os.RemoveAll(f.dir))
	require.NoError(f.t, os.CopyFS(f.dir, os.DirFS(copied)))
	require.NoError(f.t, os.Chmod(f.dir, 0o700))
}

func TestReplayOfAnOldCopy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.outgrow(300, 400)
	now := copyTree(t, f.dir)

	f.restore(old)
	requireReason(t, f.start(), ErrRollback, "anchor")
	report := f.verify()
	require.Len(t, report.Findings, 1)
	require.Equal(t, Finding{Kind: Missing, First: 301, Last: 700, Detail: "the checkpoint of the anchor covers them"}, report.Findings[0])

	// Somebody appends to the old copy, with the private key, until it is longer.
	anchor := f.anchor
	f.anchor += "-forged"
	require.NoError(t, f.start())
	f.append(500)
	f.stop()
	f.anchor = anchor
	requireReason(t, f.start(), ErrFork, "anchor")
	report = f.verify()
	require.Len(t, report.Findings, 1)
	require.Equal(t, BadCheckpoint, report.Findings[0].Kind)
	require.Contains(t, report.Findings[0].Detail, "contradicts")

	// Without the key: with the ledger, and not with the seal.
	f.restore(old)
	f.appendUnsealed(500)
	requireReason(t, f.start(), ErrFork, "anchor")
	report = f.verify()
	require.Len(t, report.Findings, 1)
	require.Equal(t, Finding{
		Kind: Altered, First: 301, Last: 700,
		Detail: "they are not those of the checkpoint of the anchor, and its tiles are missing or altered",
	}, report.Findings[0])

	f.restore(now)
	require.NoError(t, f.start())
	f.stop()
}

// An anchor that was not mounted at the start is compared before it gets a checkpoint.
func TestLateAnchor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.outgrow(30, 40)
	held := f.held()

	f.restore(old)
	mounted, mountPoint := f.anchor, t.TempDir()
	f.anchor = filepath.Join(mountPoint, "anchor")
	failed := make(chan error, 10)
	require.NoError(t, f.start(WithInterval(time.Millisecond), WithErrorHandler(func(err error) { failed <- err })))
	f.awaitAnchor()
	require.NoError(t, os.WriteFile(f.anchor, held, 0o600)) // as when it is mounted
	f.append(10)
	requireReason(t, <-failed, ErrRollback, "anchor")
	<-f.sealer.done
	require.Equal(t, held, f.held())
	require.NoError(t, f.open.Close())

	f.anchor = filepath.Join(t.TempDir(), "nowhere", "anchor")
	err := f.start()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "; mount the directory, or make it")
	f.anchor = mounted
	requireReason(t, f.start(), ErrRollback, "anchor")
}

// What the anchor got meanwhile is compared too, and what nobody trusts is replaced.
func TestAnchorMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(30)
	before := f.held()
	other := newFixture(t)
	other.key = f.key
	replaced := other.make(10).held()
	for name, c := range map[string]struct {
		note   []byte
		reason error
	}{
		"one before":     {before, nil},
		"empty":          {nil, nil},
		"untrusted":      {[]byte("a\n1\n\n"), nil},
		"another ledger": {replaced, ErrReplaced},
		"a fork":         {f.forged(t, 20), ErrFork},
	} {
		failed := make(chan error, 10)
		require.NoError(t, f.start(WithInterval(time.Millisecond), WithErrorHandler(func(err error) { failed <- err })))
		f.awaitAnchor()
		good := f.held()
		require.NoError(t, os.WriteFile(f.anchor, c.note, 0o600))
		f.append(1)
		if c.reason == nil {
			f.stop()
			require.Empty(t, failed, name)
			require.True(t, f.verify().Intact(), name)
			continue
		}
		requireReason(t, <-failed, c.reason, "anchor")
		<-f.sealer.done
		require.Equal(t, c.note, f.held(), name)
		require.NoError(t, f.open.Close())
		require.NoError(t, os.WriteFile(f.anchor, good, 0o600))
	}
}

// awaitAnchor waits until the anchor has the newest checkpoint, so that no other one is on its way.
func (f *fixture) awaitAnchor() {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		held, err := os.ReadFile(f.anchor)
		return err == nil && bytes.Equal(held, f.sealer.Newest().Note)
	}, time.Minute, time.Millisecond)
}

// forged returns a checkpoint that the key has signed, of a tree that the ledger does not have.
func (f *fixture) forged(t *testing.T, size int64) []byte {
	t.Helper()
	c, err := UnverifiedCheckpoint(f.held())
	require.NoError(t, err)
	c = Checkpoint{Origin: c.Origin, Size: size, Root: Hash{1}}
	require.NoError(t, c.sign(f.key.signer))
	return c.Note
}

func TestRemovedLedger(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(300)
	seal := copyTree(t, filepath.Join(f.dir, DirName))
	require.NoError(t, os.RemoveAll(f.dir))
	requireReason(t, f.start(), ErrReplaced, "anchor")

	require.NoError(t, os.RemoveAll(filepath.Join(f.dir, DirName)))
	require.NoError(t, os.CopyFS(filepath.Join(f.dir, DirName), os.DirFS(seal)))
	requireReason(t, f.start(), ErrReplaced, "directory")
	report := f.verify()
	require.False(t, report.Intact())
}

func TestRolledBackEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.outgrow(300, 400)
	seal := copyTree(t, filepath.Join(f.dir, DirName))
	f.restore(old)
	require.NoError(t, os.RemoveAll(filepath.Join(f.dir, DirName)))
	require.NoError(t, os.CopyFS(filepath.Join(f.dir, DirName), os.DirFS(seal)))
	require.NoError(t, os.Remove(f.anchor))
	requireReason(t, f.start(), ErrRollback, "directory")
}

func TestUntrustedAnchor(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(10)
	require.NoError(t, os.WriteFile(f.anchor, bytes.Replace(f.held(), []byte("\n10\n"), []byte("\n11\n"), 1), 0o600))
	requireReason(t, f.start(), ErrUntrusted, "anchor")

	f = newFixture(t).make(10)
	var err error
	f.key, err = CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	requireReason(t, f.start(), ErrUntrusted, "anchor")
}

// TestPreviousKey replaces the key of a sealed ledger.
func TestPreviousKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(10)
	old := f.key
	f.key = mustCreate(t)
	requireReason(t, f.start(), ErrUntrusted, "anchor")
	require.NoError(t, f.start(WithPreviousKey(old)))
	f.stop()
	require.EqualValues(t, 10, f.verify().Proved, "the new key signs although no entry is new")
	require.NoError(t, f.start(WithPreviousKey(old)))
	f.append(10)
	f.stop()
	require.Empty(t, f.verify().Findings)
	require.Empty(t, f.verify(func(o *VerifyOptions) { o.Keys = []note.Verifier{old.Verifier()} }).Findings, "both have signed")
	require.NoError(t, f.start())
	f.append(10)
	f.stop()
	require.Empty(t, f.verify().Findings)
	require.EqualValues(t, 30, f.verify().Proved)
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(f *fixture, old string)
		tree   int64 // how large it is after adopting
	}{
		"an old copy":          {func(f *fixture, old string) { f.restore(old) }, 300},
		"a removed ledger":     {func(f *fixture, _ string) { require.NoError(f.t, os.RemoveAll(f.dir)) }, 0},
		"nothing was restored": {func(*fixture, string) {}, 700},
		"an old copy that was written to": {func(f *fixture, old string) {
			f.restore(old)
			f.appendUnsealed(500)
		}, 800},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t).make(300)
			old := copyTree(t, f.dir)
			require.NoError(t, f.start())
			f.append(400)
			f.stop()
			test.change(f, old)
			require.NoError(t, f.start(WithAdopt()))
			origin := f.sealer.Newest().Origin
			f.stop()
			report := f.verify()
			require.Empty(t, report.Findings)
			require.Equal(t, test.tree, report.Held.Size)
			require.Equal(t, origin, report.Held.Origin)

			require.NoError(t, f.start())
			f.append(300)
			f.stop()
			report = f.verify()
			require.Empty(t, report.Findings)
			require.Equal(t, test.tree+300, report.Held.Size)
		})
	}
}

// flakyAnchor fails until it is told not to.
type flakyAnchor struct {
	Anchor

	broken bool
}

var errAnchor = errors.New("no route to host")

func (a *flakyAnchor) Store(ctx context.Context, c []byte) error {
	if a.broken {
		return errAnchor
	}
	return a.Anchor.Store(ctx, c)
}

// TestAnchorIsBehind has an anchor that misses checkpoints: it is compared all the same.
func TestAnchorIsBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(300)
	before := f.held()
	broken := &flakyAnchor{AnchorFile(f.anchor), true}
	require.NoError(t, f.start(WithAnchor(broken)))
	f.append(400)
	require.ErrorIs(t, f.sealer.Close(t.Context()), errAnchor)
	require.NoError(t, f.open.Close())
	require.Equal(t, before, f.held())
	report := f.verify()
	require.Empty(t, report.Findings)
	require.EqualValues(t, 300, report.Proved)
	require.EqualValues(t, 700, report.Sealed)

	require.NoError(t, f.start())
	f.stop()
	require.NotEqual(t, before, f.held(), "the next process stores what Close could not")

	// The anchor contradicts a tree that has grown since.
	forged := Checkpoint{Origin: f.sealer.Newest().Origin, Size: 300}
	require.NoError(t, forged.sign(f.key.signer))
	require.NoError(t, os.WriteFile(f.anchor, forged.Note, 0o600))
	requireReason(t, f.start(), ErrFork, "anchor")
}

// TestLostFiles starts after each file of a seal was lost, alone: it is made again.
func TestLostFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	whole, names := f.makeOnce(1600)
	require.Len(t, names, 6+2+2, "full and partial tiles, state, and checkpoint")
	held := f.held()
	for _, name := range names {
		f.restore(whole)
		require.NoError(t, os.WriteFile(f.anchor, held, 0o600))
		path := filepath.Join(f.dir, DirName, name)
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		require.NoError(t, f.start())
		f.stop()
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		if filepath.Base(name) != stateName {
			require.Equal(t, want, got, name)
		}
		require.Empty(t, f.verify().Findings, name)
		require.NoError(t, f.start())
		f.append(10)
		f.stop()
		require.Empty(t, f.verify().Findings, name)
	}
}

// TestLostTilesOfManyLevels loses tiles of a tree that has a full one on level 1.
func TestLostTilesOfManyLevels(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("65,536 entries take too long with the race detector; TestLostFiles makes tiles again with it")
	}
	f := newFixture(t)
	f.ledger = []ledger.Option{ledger.WithDenseFrames(), ledger.WithScrub(0)}
	require.NoError(t, f.start(WithInterval(time.Hour)))
	for range 70 {
		var entries [][]byte
		for range 1000 {
			f.count++
			entries = append(entries, strconv.AppendInt(nil, int64(f.count), 10))
		}
		_, err := f.open.Append(t.Context(), entries...)
		require.NoError(t, err)
	}
	f.stop()
	whole := copyTree(t, f.dir)
	for _, lost := range [][]string{{"tile/1/000"}, {"tile/0/017", "tile/0/255"}, {"tile/1/000", "tile/0/000"}, {"tile"}} {
		f.restore(whole)
		for _, name := range lost {
			require.NoError(t, os.RemoveAll(filepath.Join(f.dir, DirName, name)))
		}
		require.NoError(t, f.start())
		f.stop()
		require.Empty(t, f.verify().Findings)
		for _, name := range []string{"tile/1/000", "tile/0/000", "tile/0/255", "tile/2/000.p/1"} {
			want, err := os.ReadFile(filepath.Join(whole, DirName, name))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(f.dir, DirName, name))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}

// TestLostForGood loses a tile, and retention has removed its entries.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(2000)
	l, err := ledger.Open(f.dir, f.ledger...)
	require.NoError(t, err)
	first, err := l.RemoveBefore(1500)
	require.NoError(t, err)
	require.Greater(t, first, uint64(256))
	require.NoError(t, l.Close())
	require.NoError(t, os.Remove(filepath.Join(f.dir, DirName, "tile", "0", "000")))
	var reported []error
	require.NoError(t, f.start(WithErrorHandler(func(err error) { reported = append(reported, err) })))
	f.stop()
	require.Len(t, reported, 1)
	require.ErrorIs(t, reported[0], errLost)
	require.ErrorContains(t, reported[0], "tile/0/000")
}

// TestLostGaps does not start without the file that maps entries to leaves, until the ledger is
// adopted. What was signed before is not the new tree.
func TestLostGaps(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			first := f.makeLater()
			before := f.verify(func(o *VerifyOptions) { o.From = first })
			require.Empty(t, before.Findings)
			require.NoError(t, lose(filepath.Join(f.dir, DirName, gapsName)))
			r, err := ledger.OpenReader(f.dir)
			require.NoError(t, err)
			defer r.Close()
			lost, err := Verify(t.Context(), r, VerifyOptions{Keys: []note.Verifier{f.key.Verifier()}, From: first})
			require.NoError(t, err)
			require.NotEmpty(t, lost.Findings, "nobody can hide anything with the file")
			err = f.start()
			require.ErrorIs(t, err, errGaps)
			require.ErrorContains(t, err, "deed seal adopt")
			require.NoError(t, f.start(WithAdopt()))
			f.stop()
			require.NoError(t, f.start(), "the adopted ledger is sealed as any other")
			f.append(10)
			f.stop()
			report := f.verify(func(o *VerifyOptions) { o.From = first })
			require.Empty(t, report.Findings)
			require.EqualValues(t, 2020, report.Proved)
			require.Equal(t, before.Held.Origin+"/1", report.Held.Origin)
		})
	}
}

// TestLostState continues when files of the seal are lost.
func TestLostState(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(dir string) error{
		"the state":          func(dir string) error { return os.Remove(filepath.Join(dir, stateName)) },
		"a damaged state":    func(dir string) error { return os.WriteFile(filepath.Join(dir, stateName), []byte("{"), 0o600) },
		"the checkpoint":     func(dir string) error { return os.Remove(filepath.Join(dir, checkpointName)) },
		"the tiles":          func(dir string) error { return os.RemoveAll(filepath.Join(dir, "tile")) },
		"all but the anchor": os.RemoveAll,
		"state and tiles": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, stateName)), os.RemoveAll(filepath.Join(dir, "tile")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t).make(1500)
			require.NoError(t, lose(filepath.Join(f.dir, DirName)))
			require.NoError(t, f.start())
			f.append(10)
			f.stop()
			report := f.verify()
			require.EqualValues(t, 1510, report.Proved)
			require.Empty(t, report.Findings)
		})
	}
}

// TestFlippedState takes a state in which any bit has flipped for a damaged one, and not for that
// of another ledger or version.
func TestFlippedState(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(3)
	path := filepath.Join(f.dir, DirName, stateName)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	dir := t.TempDir()
	files := OpenDir(dir)
	_, ok, err := loadState(OpenDir(filepath.Dir(path)))
	require.NoError(t, err)
	require.True(t, ok)
	for i := range content {
		flipped := bytes.Clone(content)
		flipped[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(filepath.Join(dir, stateName), flipped, 0o600))
		_, _, err := loadState(files)
		require.ErrorIs(t, err, errState, "%s", flipped)
	}
}

// TestLaterState does not make a state again that a later version has stored.
func TestLaterState(t *testing.T) {
	t.Parallel()
	files := OpenDir(t.TempDir())
	require.NoError(t, files.Replace(stateName, addSum([]byte(`{"version":2,"else":"other"}`))))
	_, _, err := loadState(files)
	require.ErrorContains(t, err, "version 2")
	require.NotErrorIs(t, err, errState)
}
