package crash

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roles are the functions that a child process can run. A role prints a line, a word with
// arguments, for each thing that has happened, and runs until the process is killed.
var roles = map[string]func(c *child) error{
	"attempts":  makeAttempts,
	"epoch":     countEvents,
	"folds":     foldDenials,
	"import":    importAll,
	"ledger":    appendEntries,
	"relaxed":   appendEntries,
	"removal":   appendUntilLost,
	"retention": applyRetention,
	"track":     trackEvents,

	"unit." + unitOpened:   unitRole(unitOpened),
	"unit." + unitBegun:    unitRole(unitBegun),
	"unit." + unitDone:     unitRole(unitDone),
	"unit." + unitRecorded: unitRole(unitRecorded),
	"unit." + unitEnded:    unitRole(unitEnded),
	"unit." + unitSpilled:  unitRole(unitSpilled),
}

const (
	roleVariable = "AUDIT_CRASH_ROLE"
	dirVariable  = "AUDIT_CRASH_DIR"
	runVariable  = "AUDIT_CRASH_RUN"
)

// Every process prints these words before it opens and before it closes its ledger.
const (
	opening = "opening"
	closing = "closing"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	c := &child{role: role, dir: os.Getenv(dirVariable), run: os.Getenv(runVariable)}
	if err := roles[role](c); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is the process that the harness kills.
type child struct {
	role, dir, run string

	mu sync.Mutex
}

// report prints a line, in one write.
func (c *child) report(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// harness runs and kills processes of one role, one at a time.
type harness struct {
	role  string
	dir   string
	rng   *rand.Rand
	runs  int
	phase string         // the last phase that the process reported
	kills map[string]int // by phase
}

func newHarness(t *testing.T, role string) *harness {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("AUDIT_CRASH_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("AUDIT_CRASH_SEED=%d", seed)
	return &harness{role: role, dir: filepath.Join(t.TempDir(), "ledger"), rng: rand.New(rand.NewPCG(seed, 0)), kills: map[string]int{}}
}

// crashTime returns how long a test keeps killing processes.
func crashTime(t *testing.T) time.Duration {
	t.Helper()
	if d, err := time.ParseDuration(os.Getenv("AUDIT_CRASH_TIME")); err == nil {
		return d
	}
	return 3 * time.Second
}

// kill runs a process, kills it at a random time, and calls onLine for each line that it printed.
// Since opening and closing are short, half of the kills happen right after the line that reports
// one of them.
func (h *harness) kill(t *testing.T, onLine func(words []string)) {
	t.Helper()
	life, after := time.Duration(h.rng.Int64N(int64(150*time.Millisecond))), ""
	if moment := h.rng.IntN(4); moment < 2 {
		life, after = time.Duration(h.rng.Int64N(int64(8*time.Millisecond))), [...]string{opening, closing}[moment]
	}
	reached := make(chan struct{})
	reach := sync.OnceFunc(func() { close(reached) })
	if after == "" {
		reach()
	}
	h.process(t, func(words []string) {
		if words[0] == opening || words[0] == closing {
			h.phase = words[0]
			if words[0] == after {
				reach()
			}
			return
		}
		onLine(words)
	}, func(p *os.Process, ended <-chan struct{}) {
		select {
		case <-reached:
		case <-ended:
		}
		time.Sleep(life)
		require.NoError(t, p.Kill())
	}, "")
	h.kills[h.phase]++
}

// killed describes in which phases processes were killed.
func (h *harness) killed() string {
	return fmt.Sprintf("%d before opening, %d between opening and closing, %d after closing began", h.kills[""], h.kills[opening], h.kills[closing])
}

// finish runs a process until it ends by itself.
func (h *harness) finish(t *testing.T, onLine func(words []string)) {
	t.Helper()
	h.process(t, func(words []string) {
		if words[0] != opening && words[0] != closing {
			onLine(words)
		}
	}, nil, "finish")
}

// killReached runs a process until it prints a line, and kills it.
func (h *harness) killReached(t *testing.T) {
	t.Helper()
	reached := make(chan struct{})
	h.process(t, func([]string) { close(reached) }, func(p *os.Process, ended <-chan struct{}) {
		select {
		case <-reached:
		case <-ended:
		}
		require.NoError(t, p.Kill())
	}, "")
}

// process runs a process and calls onLine for each line that it prints. If end is not nil, it
// must kill the process; ended is closed when the output ends.
func (h *harness) process(t *testing.T, onLine func(words []string), end func(p *os.Process, ended <-chan struct{}), arg string) {
	t.Helper()
	h.phase = ""
	self, err := os.Executable()
	require.NoError(t, err)
	h.runs++
	cmd := exec.CommandContext(context.Background(), self, arg)
	cmd.Env = append(os.Environ(), roleVariable+"="+h.role, dirVariable+"="+h.dir, runVariable+"="+strconv.Itoa(h.runs))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	var readErr error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		readErr = readLines(out, onLine)
	}()
	if end != nil {
		end(cmd.Process, ended)
	}
	<-ended
	require.NoError(t, readErr)
	// A killed process has no exit code of its own, unlike one that panicked or had a data race.
	err = cmd.Wait()
	killed := end != nil && cmd.ProcessState.ExitCode() == killedExitCode()
	require.True(t, err == nil || killed, "run %d: %v: %s", h.runs, err, stderr.String())
	require.NotRegexp(t, "child:|DATA RACE", stderr.String(), "run %d", h.runs)
}

// readLines calls onLine for each complete line. It ignores a line that was cut off by the kill.
func readLines(out io.Reader, onLine func(words []string)) error {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		onLine(strings.Fields(line))
	}
}

// finishing reports whether the process must end by itself instead of being killed.
func finishing() bool { return len(os.Args) > 1 && os.Args[1] == "finish" }

// killedExitCode returns the exit code of a process ended by os.Process.Kill.
func killedExitCode() int {
	if runtime.GOOS == "windows" {
		return 1
	}
	return -1
}
