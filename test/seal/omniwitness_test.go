package seal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/witness"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// omniwitness is a witness of other people, which runs as a process.
type omniwitness struct {
	t       *testing.T
	program string
	args    []string
	running *process.Process
}

func newOmniwitness(t *testing.T, origin string, log *seal.Key) *omniwitness {
	t.Helper()
	program, err := process.Build("witness")
	require.NoError(t, err)
	w := &omniwitness{t: t, program: program}
	w.args = []string{"-dir", t.TempDir(), "-name", "witness.example.org/omni", "-origin", origin, "-log-key", log.Public()}
	t.Cleanup(w.kill)
	return w
}

// start starts the witness, and returns a policy that demands its cosignature.
func (w *omniwitness) start() *witness.Policy {
	w.t.Helper()
	p, line, err := process.Start(w.program, w.args...)
	require.NoError(w.t, err)
	w.running = p
	url, key, ok := strings.Cut(line, " ")
	require.True(w.t, ok, line)
	policy, err := witness.ParsePolicy(fmt.Appendf(nil, "witness omni %s %s\nquorum omni\n", key, url))
	require.NoError(w.t, err)
	return policy
}

func (w *omniwitness) kill() { w.running.Kill() }

// witnessed is a ledger that is sealed with witnesses.
type witnessed struct {
	t    *testing.T
	dir  string
	key  *seal.Key
	open *ledger.Ledger

	sealer *seal.Sealer

	mu       sync.Mutex
	reported []error
}

func (s *witnessed) start(policy *witness.Policy) {
	s.t.Helper()
	var err error
	s.open, err = ledger.Open(s.dir, ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(s.t, err)
	s.sealer, err = seal.Start(s.t.Context(), s.open, s.key, seal.WithWitnesses(witness.NewClient(policy)), seal.WithInterval(time.Millisecond),
		seal.WithErrorHandler(func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.reported = append(s.reported, err)
		}))
	require.NoError(s.t, err)
}

// errors returns what was reported since the last call.
func (s *witnessed) errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.reported
	s.reported = nil
	return all
}

func (s *witnessed) append(from, n int) {
	s.t.Helper()
	for i := range n {
		_, err := s.open.Append(s.t.Context(), fmt.Appendf(nil, `{"id":%d}`, from+i))
		require.NoError(s.t, err)
	}
}

func (s *witnessed) stop() {
	s.t.Helper()
	require.NoError(s.t, s.sealer.Close(s.t.Context()))
	require.NoError(s.t, s.open.Close())
}

// witnessedUpTo requires that the policy is met up to an entry.
func (s *witnessed) witnessedUpTo(policy *witness.Policy, last uint64) {
	s.t.Helper()
	r, err := ledger.OpenReader(s.dir)
	require.NoError(s.t, err)
	defer r.Close()
	report, err := seal.Verify(s.t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{s.key.Verifier()}, Quorum: policy})
	require.NoError(s.t, err)
	require.Empty(s.t, report.Findings)
	require.Equal(s.t, last, report.Witnessed)
}

// TestOurSealerWithOmniwitness has a witness that is not ours cosign the checkpoints of a ledger:
// while it grows, after the ledger and the witness were started again, and not after an old copy
// was put back.
func TestOurSealerWithOmniwitness(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "log.example.com")
	require.NoError(t, err)
	s := &witnessed{t: t, dir: filepath.Join(temp, "ledger"), key: key}
	l, err := ledger.Open(s.dir)
	require.NoError(t, err)
	w := newOmniwitness(t, seal.Origin(key.Name(), l.ID(), 0), key)
	require.NoError(t, l.Close())

	policy := w.start()
	s.start(policy)
	for i := range 5 { // each size is offered while the ledger grows
		s.append(100*i, 100)
		size := int64(100 * (i + 1))
		require.Eventually(t, func() bool { return s.sealer.Cosigned().Size == size }, time.Minute, time.Millisecond)
	}
	s.stop()
	require.Empty(t, s.errors())
	s.witnessedUpTo(policy, 500)
	all, err := policy.Cosignatures(s.sealer.Cosigned().Note)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "witness.example.org/omni", all[0].Witness)
	require.WithinDuration(t, time.Now(), all[0].Time, time.Minute)
	old := filepath.Join(temp, "old")
	require.NoError(t, os.CopyFS(old, os.DirFS(s.dir)))

	// Both start again. The client does not know which size the witness knows, and asks it.
	w.kill()
	policy = w.start()
	s.start(policy)
	s.append(500, 300)
	s.stop()
	require.Empty(t, s.errors())
	s.witnessedUpTo(policy, 800)

	// An old copy is put back: shorter than what the witness has seen, and then of its size.
	require.NoError(t, os.RemoveAll(s.dir))
	require.NoError(t, os.CopyFS(s.dir, os.DirFS(old)))
	require.NoError(t, os.Chmod(s.dir, 0o700))
	for i, want := range []error{seal.ErrRollback, seal.ErrFork} {
		s.start(policy)
		s.append(10_000+i, []int{100, 200}[i])
		s.stop()
		reported := s.errors()
		require.NotEmpty(t, reported)
		require.ErrorIs(t, reported[len(reported)-1], want)
		s.witnessedUpTo(policy, 500)
	}
}
