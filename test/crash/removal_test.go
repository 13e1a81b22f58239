package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// appendUntilLost appends from several goroutines until the ledger has lost its files. A
// segment that is taken away before it is used costs an error, and the ledger continues. The
// end of the standard input says that they were removed: an entry that is acknowledged
// although its Append began later is reported as late.
func appendUntilLost(c *child) error {
	l, err := ledger.Open(c.dir, ledger.WithSegmentSize(256<<10), ledger.WithLockWait(10*time.Second))
	if err != nil {
		return err
	}
	var removed atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		removed.Store(true)
	}()
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for g := range cap(errs) {
		wg.Go(func() {
			failures := 0
			for n := 0; ; n++ {
				name := fmt.Sprintf("%s-%d-%d", c.run, g, n)
				late := removed.Load()
				_, err := l.Append(context.Background(), withChecksum(name+" "+strings.Repeat("x", n%700)))
				if err != nil && l.Err() == nil && failures < 10 {
					failures++
					continue
				}
				if err != nil {
					errs <- err
					return
				}
				if late {
					c.report("late %s", name)
				}
				c.report("stored %s", name)
			}
		})
	}
	wg.Wait()
	for range cap(errs) {
		if err := <-errs; !errors.As(err, new(*ledger.LostError)) {
			return err
		}
	}
	if err := l.Close(); !errors.As(err, new(*ledger.LostError)) {
		return fmt.Errorf("close: %w", err)
	}
	c.report("lost")
	return nil
}

// writer is a process that appends to a ledger until it loses it or is killed.
type writer struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	stderr  strings.Builder
	started chan struct{} // closed when the first entry was stored
	ended   chan struct{} // closed when the output ends

	mu     sync.Mutex
	stored []string
	late   []string
	lost   bool
}

func startWriter(t *testing.T, dir string, run int) *writer {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	w := &writer{cmd: exec.CommandContext(t.Context(), self), started: make(chan struct{}), ended: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), roleVariable+"=removal", dirVariable+"="+dir, runVariable+"="+strconv.Itoa(run))
	w.cmd.Stderr = &w.stderr
	w.stdin, err = w.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := w.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.cmd.Start())
	go func() {
		defer close(w.ended)
		first := sync.OnceFunc(func() { close(w.started) })
		assert.NoError(t, readLines(bufio.NewReader(out), func(words []string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			switch words[0] {
			case "stored":
				w.stored = append(w.stored, words[1])
				first()
			case "late":
				w.late = append(w.late, words[1])
			case "lost":
				w.lost = true
			}
		}))
	}()
	return w
}

// waitStarted waits until the process has stored something.
func (w *writer) waitStarted(t *testing.T) {
	t.Helper()
	select {
	case <-w.started:
	case <-w.ended:
		require.Fail(t, "the process ended before it stored anything", w.stderr.String())
	}
}

// kill ends the process and returns what it has stored.
func (w *writer) kill(t *testing.T) []string {
	t.Helper()
	require.NoError(t, w.cmd.Process.Kill())
	<-w.ended
	_ = w.cmd.Wait() // it was killed, or had noticed
	require.NotRegexp(t, "child:|DATA RACE", w.stderr.String())
	return w.stored
}

// waitLost tells the process that its files were removed, waits until it has noticed, and
// returns what it has stored.
func (w *writer) waitLost(t *testing.T) []string {
	t.Helper()
	require.NoError(t, w.stdin.Close())
	select {
	case <-w.ended:
	case <-time.After(30 * time.Second):
		require.NoError(t, w.cmd.Process.Kill())
		require.Fail(t, "the process has not noticed")
	}
	require.NoError(t, w.cmd.Wait(), w.stderr.String())
	require.True(t, w.lost)
	require.Empty(t, w.late, "acknowledged although the files were gone")
	return w.stored
}

// requireStored requires that the ledger has the entries, and nothing damaged.
func requireStored(t *testing.T, dir string, stored []string) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	found := map[string]bool{}
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		name, ok := nameOf(e.Data)
		require.True(t, ok, "entry %d is corrupt", e.Seq)
		require.False(t, found[name], "%s is stored twice", name)
		found[name] = true
	}
	for _, name := range stored {
		require.True(t, found[name], "%s was acknowledged", name)
	}
}

// TestRemovedUnderProcess takes the directory, the lock or the newest segment away from a
// process, and starts another one. What either acknowledged must be in the files that are
// left, and the first must notice.
func TestRemovedUnderProcess(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "removal")
	var stored []string
	rounds := map[string]int{}
	for start := time.Now(); time.Since(start) < crashTime(t); {
		h.runs++
		w := startWriter(t, h.dir, h.runs)
		w.waitStarted(t)
		time.Sleep(time.Duration(h.rng.Int64N(int64(30 * time.Millisecond))))
		kind := []string{"lock removed", "lock removed, killed", "directory renamed", "directory removed", "segment renamed", "killed"}[h.rng.IntN(6)]
		rounds[kind]++
		aside := h.dir + "-aside"
		switch kind {
		case "lock removed", "lock removed, killed":
			require.NoError(t, os.Remove(filepath.Join(h.dir, "lock")))
			h.runs++
			second := startWriter(t, h.dir, h.runs)
			if kind == "lock removed" {
				second.waitStarted(t)
				stored = append(stored, w.waitLost(t)...)
			} else {
				stored = append(stored, w.kill(t)...)
				second.waitStarted(t)
			}
			stored = append(stored, second.kill(t)...)
		case "directory renamed":
			require.NoError(t, os.Rename(h.dir, aside))
			stored = append(stored, w.waitLost(t)...)
			require.NoError(t, os.Rename(aside, h.dir))
		case "directory removed":
			for os.RemoveAll(h.dir) != nil {
				continue // the process has created a file meanwhile
			}
			w.waitLost(t)
			stored = nil
			continue
		case "segment renamed":
			segments, err := filepath.Glob(filepath.Join(h.dir, "*.segment"))
			require.NoError(t, err)
			newest := segments[len(segments)-1]
			require.NoError(t, os.Rename(newest, aside))
			acknowledged := w.waitLostOrRotated(t, h.dir, newest)
			require.NoError(t, os.Rename(aside, newest))
			stored = append(stored, acknowledged...)
		default:
			stored = append(stored, w.kill(t)...)
		}
		requireStored(t, h.dir, stored)
	}
	t.Logf("%d processes, %v", h.runs, rounds)
}

// waitLostOrRotated is waitLost for a segment. The process may have begun the next one
// before its name was taken away, and then it is killed.
func (w *writer) waitLostOrRotated(t *testing.T, dir, newest string) []string {
	t.Helper()
	select {
	case <-w.ended:
	case <-time.After(200 * time.Millisecond):
		segments, err := filepath.Glob(filepath.Join(dir, "*.segment"))
		require.NoError(t, err)
		if len(segments) > 0 && segments[len(segments)-1] > newest {
			return w.kill(t)
		}
	}
	return w.waitLost(t)
}
