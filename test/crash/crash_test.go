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

// roles are what a process may be started for. It prints lines of a word and its
// arguments, each as soon as it is true, and runs until it is killed.
var roles = map[string]func(c *child) error{
	"attempts": makeAttempts,
	"ledger":   appendEntries,
	"relaxed":  appendEntries,
	"track":    trackEvents,
}

const (
	roleVariable = "AUDIT_CRASH_ROLE"
	dirVariable  = "AUDIT_CRASH_DIR"
	runVariable  = "AUDIT_CRASH_RUN"
)

// Every process prints these words before it opens and closes what it writes to.
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

// child is a process that is to be killed.
type child struct {
	role, dir, run string

	mu sync.Mutex
}

// tell prints a line, in one write.
func (c *child) tell(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// harness starts processes of a role, one after the other, and kills them.
type harness struct {
	role  string
	dir   string
	rng   *rand.Rand
	runs  int
	phase string         // what the process announced last
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

// crashTime is how long a test goes on killing.
func crashTime(t *testing.T) time.Duration {
	t.Helper()
	if d, err := time.ParseDuration(os.Getenv("AUDIT_CRASH_TIME")); err == nil {
		return d
	}
	return 3 * time.Second
}

// kill runs a process, kills it at a random moment, and calls heard for each line that
// it printed. Opening and closing are short: some moments are just behind the line that
// announces them.
func (h *harness) kill(t *testing.T, heard func(words []string)) {
	t.Helper()
	life, after := time.Duration(h.rng.Int64N(int64(150*time.Millisecond))), ""
	if moment := h.rng.IntN(4); moment < 2 {
		life, after = time.Duration(h.rng.Int64N(int64(8*time.Millisecond))), [...]string{opening, closing}[moment]
	}
	reached := make(chan struct{})
	announced := sync.OnceFunc(func() { close(reached) })
	if after == "" {
		announced()
	}
	h.process(t, func(words []string) {
		if words[0] == opening || words[0] == closing {
			h.phase = words[0]
			if words[0] == after {
				announced()
			}
			return
		}
		heard(words)
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

// killed says in what phases processes were killed.
func (h *harness) killed() string {
	return fmt.Sprintf("%d before opening, %d from then on, %d from closing on", h.kills[""], h.kills[opening], h.kills[closing])
}

// finish runs a process that ends by itself.
func (h *harness) finish(t *testing.T, heard func(words []string)) {
	t.Helper()
	h.process(t, func(words []string) {
		if words[0] != opening && words[0] != closing {
			heard(words)
		}
	}, nil, "finish")
}

func (h *harness) process(t *testing.T, heard func(words []string), end func(p *os.Process, ended <-chan struct{}), how string) {
	t.Helper()
	h.phase = ""
	self, err := os.Executable()
	require.NoError(t, err)
	h.runs++
	cmd := exec.CommandContext(context.Background(), self, how)
	cmd.Env = append(os.Environ(), roleVariable+"="+h.role, dirVariable+"="+h.dir, runVariable+"="+strconv.Itoa(h.runs))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	var heardAll error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		heardAll = listen(out, heard)
	}()
	if end != nil {
		end(cmd.Process, ended)
	}
	<-ended
	require.NoError(t, heardAll)
	// A process that was killed has no exit code; one that panicked or raced has.
	err = cmd.Wait()
	killed := end != nil && cmd.ProcessState.ExitCode() == killedExitCode()
	require.True(t, err == nil || killed, "run %d: %v: %s", h.runs, err, complaints.String())
	require.NotRegexp(t, "child:|DATA RACE", complaints.String(), "run %d", h.runs)
}

// listen reads whole lines: what the process was printing when it was killed was not
// said.
func listen(out io.Reader, heard func(words []string)) error {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		heard(strings.Fields(line))
	}
}

// finishing reports whether the process is to end by itself.
func finishing() bool { return len(os.Args) > 1 && os.Args[1] == "finish" }

// killedExitCode is what os.Process.Kill makes of a process.
func killedExitCode() int {
	if runtime.GOOS == "windows" {
		return 1
	}
	return -1
}
