package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process runs deed in a directory.
type process struct {
	t   *testing.T
	dir string
}

func (p process) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), "deed", args...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "DEED_INDEX_CACHE=none", "DEED_RECORD_TO=", "AUDIT_CONFIG_FILE=")
	return cmd
}

// run runs a command that must succeed, and returns what it prints on standard output.
func (p process) run(args ...string) string {
	p.t.Helper()
	var complained strings.Builder
	cmd := p.command(args...)
	cmd.Stderr = &complained
	out, err := cmd.Output()
	require.NoError(p.t, err, "%s", complained.String())
	return string(out)
}

// stopped runs a command and sends it a signal when ready reports true. It returns what the command
// prints, and whether the signal came before its end.
func (p process) stopped(signal os.Signal, ready func() bool, args ...string) (out string, before bool) {
	p.t.Helper()
	var printed strings.Builder
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	require.NoError(p.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the state of the process has it
		close(ended)
	}()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !before {
		select {
		case <-ended:
			return printed.String(), false
		case <-ticker.C:
			if before = ready(); before {
				_ = cmd.Process.Signal(signal) // it may just have ended
			}
		}
	}
	<-ended
	return printed.String(), !cmd.ProcessState.Success()
}

// writeRecords appends records of a minute each to a ledger with small segments.
func writeRecords(t *testing.T, dir string, n int, reason string) {
	t.Helper()
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(t, err)
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	var batch [][]byte
	size := 0
	for i := range n {
		r := record.Record{ObservedTime: at}
		r.ID, r.Time, r.Action, r.Outcome, r.Reason = audit.NewID(), at.Add(time.Duration(i)*time.Second), "invoice.update", audit.OutcomeSuccess, reason
		r.Actor, r.Target = audit.User("user-"+strconv.Itoa(i%97)), audit.Target{Type: "invoice", ID: strconv.Itoa(i)}
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		batch, size = append(batch, b), size+len(b)
		if size > ledger.MinSegmentSize/2 || i == n-1 {
			_, err = l.Append(context.Background(), batch...)
			require.NoError(t, err)
			batch, size = batch[:0], 0
		}
	}
	require.NoError(t, l.Close())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestKilledCopy kills deed ledger copy, also between the ledger, its seal and its dead letters: the
// directory has the name of the backup only if it has them all. What is left says what it is.
func TestKilledCopy(t *testing.T) {
	deed := process{t, t.TempDir()}
	writeRecords(t, filepath.Join(deed.dir, "audit-ledger"), 300, "")
	writeRecords(t, filepath.Join(deed.dir, "audit-ledger", "dead-letters"), 1500, strings.Repeat("because ", 250))
	public := filepath.Join(deed.dir, "audit.pub")
	require.NoError(t, os.WriteFile(public, []byte(deed.run("keygen", "shop.example.com/audit", "audit.key")), 0o600))
	deed.run("seal", "now", "audit-ledger", "--private-key", "audit.key")

	to, part := filepath.Join(deed.dir, "backup"), filepath.Join(deed.dir, "backup.part")
	seen := func(name string) func() bool {
		return func() bool { return exists(filepath.Join(to, name)) || exists(filepath.Join(part, name)) }
	}
	killed := 0
	for _, reached := range []string{".", "000000000001.segment", "state", "seal", filepath.Join("dead-letters", "000000000001.segment"), filepath.Join("dead-letters", "000000000009.segment")} {
		_, before := deed.stopped(os.Kill, seen(reached), "ledger", "copy", "audit-ledger", "backup")
		if before {
			killed++
		}
		if exists(to) {
			assert.FileExists(t, filepath.Join(to, "dead-letters", "state"), reached)
			assert.Contains(t, deed.run("verify", "backup", "--key", "audit.pub"), "sealed     entries up to 300", reached)
		}
		if exists(part) {
			out, err := deed.command("ledger", "copy", "audit-ledger", "backup").CombinedOutput()
			require.Error(t, err)
			assert.Contains(t, string(out), "backup.part is a copy that was killed before it was complete, or one that still runs")
		}
		require.NoError(t, os.RemoveAll(part))
		require.NoError(t, os.RemoveAll(to))
	}
	assert.NotZero(t, killed)

	// An interrupt leaves nothing.
	if _, before := deed.stopped(os.Interrupt, seen("state"), "ledger", "copy", "audit-ledger", "backup"); before {
		assert.NoDirExists(t, to)
	}
	assert.NoDirExists(t, part)
	require.NoError(t, os.RemoveAll(to))
	assert.Equal(t, "backup: 300 entries\n", deed.run("ledger", "copy", "audit-ledger", "backup"))
	assert.Contains(t, deed.run("verify", "backup", "--key", "audit.pub"), "sealed     entries up to 300")
}

// TestKilledExport interrupts an export, kills the one that continues it, and continues again: the
// file is that of an export which nobody has disturbed.
func TestKilledExport(t *testing.T) {
	deed := process{t, t.TempDir()}
	const n = 30_000
	writeRecords(t, filepath.Join(deed.dir, "audit-ledger"), n, "")
	args := func(name string, more ...string) []string {
		return append([]string{"export", "--until", "2027", "--out", name}, more...)
	}
	deed.run(args("whole.csv")...)
	whole, err := os.ReadFile(filepath.Join(deed.dir, "whole.csv"))
	require.NoError(t, err)

	out, part := filepath.Join(deed.dir, "export.csv"), filepath.Join(deed.dir, "export.csv.part")
	longer := func(than int64) func() bool {
		return func() bool {
			info, err := os.Stat(part)
			return err == nil && info.Size() > than
		}
	}
	stopTwice(t, func() (ok bool) {
		for _, left := range []string{out, out + ".manifest.json", part, part + ".json"} {
			require.NoError(t, os.RemoveAll(left))
		}
		printed, before := deed.stopped(os.Interrupt, longer(0), args("export.csv")...)
		if !before {
			return false
		}
		assert.Contains(t, printed, "the same command with --resume continues")
		assert.NoFileExists(t, out)
		assert.NoFileExists(t, out+".manifest.json")
		info, err := os.Stat(part)
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(len(whole)))
		_, before = deed.stopped(os.Kill, longer(info.Size()), args("export.csv", "--resume")...)
		return before
	})
	assert.NoFileExists(t, out)

	deed.run(args("export.csv", "--resume")...)
	resumed, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, sha256.Sum256(whole), sha256.Sum256(resumed), "the export that was stopped twice has other bytes")
	manifest, err := os.ReadFile(out + ".manifest.json")
	require.NoError(t, err)
	assert.Contains(t, string(manifest), fmt.Sprintf(`"records": %d`, n))
	assert.NoFileExists(t, part)
	assert.NoFileExists(t, part+".json")
}

// stopTwice calls try until it has stopped a command twice before the command ended. On a busy
// machine a command may end first.
func stopTwice(t *testing.T, try func() (ok bool)) {
	t.Helper()
	for range 20 {
		if try() {
			return
		}
	}
	require.Fail(t, "the command always ended before it was stopped")
}

// TestKilledImport interrupts an import of an archive into a ledger, kills the one that continues
// it, and continues again: the ledger has each record once.
func TestKilledImport(t *testing.T) {
	deed := process{t, t.TempDir()}
	const n = 2000
	writeRecords(t, filepath.Join(deed.dir, "audit-ledger"), n, strings.Repeat("because ", 500))
	writeArchive(t, filepath.Join(deed.dir, "audit-ledger"), filepath.Join(deed.dir, "archives"))
	restored := filepath.Join(deed.dir, "restored")
	written := func(segment string, offset int64) func() bool { // it is filled with zeros first
		return func() bool {
			f, err := os.Open(filepath.Join(restored, segment+".segment"))
			if err != nil {
				return false
			}
			defer f.Close()
			var b [4096]byte
			_, err = f.ReadAt(b[:], offset)
			return err == nil && b != [4096]byte{}
		}
	}
	args := []string{"archive", "import", "archives", "--into", "restored", "--record-to", "looks"}

	var second uint64
	stopTwice(t, func() (ok bool) {
		require.NoError(t, os.RemoveAll(restored))
		require.NoError(t, os.RemoveAll(filepath.Join(deed.dir, "looks")))
		printed, before := deed.stopped(os.Interrupt, written("000000000001", 1<<12), args...)
		if !before {
			return false
		}
		assert.Contains(t, printed, "is not imported completely; run the command again, it continues")
		first := entriesIn(t, restored)
		assert.NotZero(t, first)
		if _, before = deed.stopped(os.Kill, written("000000000002", 2<<20), args...); !before {
			return false
		}
		second = entriesIn(t, restored)
		assert.Greater(t, second, first)
		return true
	})

	done := strings.ReplaceAll(deed.run(args...), ",", "")
	assert.Regexp(t, fmt.Sprintf(`: %d records? imported %d were there before\n$`, n-second, second), done)
	assert.Equal(t, "restored: 2,000 entries, no damage\n", deed.run("ledger", "scrub", "restored"))
	// Each attempt has a result, also the one that was killed.
	outcomes := deed.run("query", "--from", "looks", "--action", "audit.trail.import")
	assert.Equal(t, 6, strings.Count(outcomes, "\n"), "%s", outcomes)
	assert.Equal(t, 1, strings.Count(outcomes, `"outcome":"success"`), "%s", outcomes)
}

// writeArchive makes an archive of the entries of a ledger.
func writeArchive(t *testing.T, from, to string) {
	t.Helper()
	store, err := archive.CreateDir(to)
	require.NoError(t, err)
	r, err := ledger.OpenReader(from)
	require.NoError(t, err)
	stats, err := r.Stats()
	require.NoError(t, err)
	meta := archive.Meta{Log: "shop", Class: "all", First: 1, Last: stats.Next - 1}
	_, err = archive.Create(t.Context(), store, meta, func(yield func(archive.Entry, error) bool) {
		for e, err := range r.Entries(t.Context(), 0) {
			if !yield(archive.Entry{Seq: e.Seq, Data: e.Data}, err) {
				return
			}
		}
	})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, r.Close())
}

// entriesIn returns how many entries the ledger in dir has.
func entriesIn(t *testing.T, dir string) uint64 {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	stats, err := r.Stats()
	require.NoError(t, err)
	return stats.Next - stats.First
}
