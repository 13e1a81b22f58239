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
	"ledger":  appendEntries,
	"relaxed": appendEntries,
	"track":   trackEvents,
}

const (
	roleVariable = "AUDIT_CRASH_ROLE"
	dirVariable  = "AUDIT_CRASH_DIR"
	runVariable  = "AUDIT_CRASH_RUN"
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
	role string
	dir  string
	rng  *rand.Rand
	runs int
}

func newHarness(t *testing.T, role string) *harness {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("AUDIT_CRASH_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("AUDIT_CRASH_SEED=%d", seed)
	return &harness{role: role, dir: filepath.Join(t.TempDir(), "ledger"), rng: rand.New(rand.NewPCG(seed, 0))}
}

// crashTime is how long a test goes on killing.
func crashTime(t *testing.T) time.Duration {
	t.Helper()
	if d, err := time.ParseDuration(os.Getenv("AUDIT_CRASH_TIME")); err == nil {
		return d
	}
	return 3 * time.Second
}

// kill runs a process for a random while, kills it, and calls heard for each line that
// it printed.
func (h *harness) kill(t *testing.T, heard func(words []string)) {
	t.Helper()
	life := time.Duration(h.rng.Int64N(int64(150 * time.Millisecond)))
	h.process(t, heard, func(p *os.Process) {
		time.Sleep(life)
		require.NoError(t, p.Kill())
	}, "")
}

// finish runs a process that ends by itself.
func (h *harness) finish(t *testing.T, heard func(words []string)) {
	t.Helper()
	h.process(t, heard, nil, "finish")
}

func (h *harness) process(t *testing.T, heard func(words []string), end func(*os.Process), how string) {
	t.Helper()
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

	read := make(chan error, 1)
	go func() { read <- listen(out, heard) }()
	if end != nil {
		end(cmd.Process)
	}
	require.NoError(t, <-read)
	if err := cmd.Wait(); end == nil {
		require.NoError(t, err, complaints.String())
	}
	require.NotContains(t, complaints.String(), "child:", "run %d", h.runs)
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
