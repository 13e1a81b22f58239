package witness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// sealed is a ledger that a Sealer seals, with witnesses.
type sealed struct {
	t           *testing.T
	dir, anchor string
	key         *seal.Key
	ledger      *ledger.Ledger
	sealer      *seal.Sealer
	count       int

	mu       sync.Mutex
	reported []error
}

func newSealed(t *testing.T) *sealed {
	t.Helper()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "log.example.com")
	require.NoError(t, err)
	return &sealed{t: t, dir: filepath.Join(temp, "ledger"), anchor: filepath.Join(temp, "anchor"), key: key}
}

func (s *sealed) start(w seal.Witnesses) {
	s.t.Helper()
	var err error
	s.ledger, err = ledger.Open(s.dir, ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(s.t, err)
	s.sealer, err = seal.Start(s.t.Context(), s.ledger, s.key, seal.WithAnchor(seal.AnchorFile(s.anchor)), seal.WithWitnesses(w),
		seal.WithInterval(time.Millisecond), seal.WithErrorHandler(func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.reported = append(s.reported, err)
		}))
	require.NoError(s.t, err)
}

// errors returns what was reported since the last call.
func (s *sealed) errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.reported
	s.reported = nil
	return all
}

func (s *sealed) append(n int) {
	s.t.Helper()
	for range n {
		s.count++
		_, err := s.ledger.Append(s.t.Context(), fmt.Appendf(nil, `{"id":%d}`, s.count))
		require.NoError(s.t, err)
	}
}

func (s *sealed) stop() {
	s.t.Helper()
	require.NoError(s.t, s.sealer.Close(s.t.Context()))
	require.NoError(s.t, s.ledger.Close())
}

// file returns a file of the seal.
func (s *sealed) file(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, seal.DirName, name))
	require.NoError(s.t, err)
	return b
}

func (s *sealed) verify(q seal.Quorum, held []byte) *seal.Report {
	s.t.Helper()
	r, err := ledger.OpenReader(s.dir)
	require.NoError(s.t, err)
	defer r.Close()
	report, err := seal.Verify(s.t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{s.key.Verifier()}, Held: held, Quorum: q})
	require.NoError(s.t, err)
	return report
}

// twoWitnesses returns a policy of two witnesses that run, both of which are needed, and the
// handler of each can be replaced.
func twoWitnesses(t *testing.T, s *sealed) (*Policy, *[2]http.Handler) {
	t.Helper()
	var handlers [2]http.Handler
	text := ""
	for i := range handlers {
		w, key := newWitness(t, nil, s.key.Verifier())
		handlers[i] = w
		text += serve(t, fmt.Sprintf("w%d", i), key.Public(), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			handlers[i].ServeHTTP(rw, r)
		}))
	}
	policy, err := ParsePolicy([]byte(text + "group g all w0 w1\nquorum g"))
	require.NoError(t, err)
	return policy, &handlers
}

func TestSealerWithWitnesses(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	policy, handlers := twoWitnesses(t, s)
	s.start(NewClient(policy))
	s.append(300)
	s.stop()
	require.Empty(t, s.errors())
	held, err := os.ReadFile(s.anchor)
	require.NoError(t, err)
	require.NoError(t, policy.Check(held), "the anchor has the cosignatures")
	require.Equal(t, held, s.file("cosigned"))
	require.Equal(t, held, s.file("checkpoint"))
	report := s.verify(policy, held)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 300, report.Witnessed)

	both := handlers[1]
	handlers[1] = http.NotFoundHandler()
	s.start(NewClient(policy))
	require.EqualValues(t, 300, s.sealer.Cosigned().Size)
	s.append(50)
	s.stop()
	reported := s.errors()
	require.NotEmpty(t, reported)
	missing := &seal.WitnessError{}
	require.ErrorAs(t, reported[0], &missing)
	require.False(t, missing.Enough)
	require.Equal(t, held, s.file("cosigned"))
	newest, err := os.ReadFile(s.anchor)
	require.NoError(t, err)
	require.Error(t, policy.Check(newest))
	for _, keep := range [][]byte{newest, held, nil} {
		report = s.verify(policy, keep)
		require.Empty(t, report.Findings)
		require.EqualValues(t, 300, report.Witnessed)
		require.EqualValues(t, 350, report.Sealed)
	}
	files := seal.OpenDir(filepath.Join(s.dir, seal.DirName))
	for seq, cosigned := range map[uint64]bool{300: true, 301: false} {
		proof, err := seal.Prove(files, seq, fmt.Appendf(nil, `{"id":%d}`, seq), s.key.Verifier())
		require.NoError(t, err)
		require.Equal(t, cosigned, policy.Check(proof.Checkpoint.Note) == nil)
		batch, err := seal.ProveAll(files, []seal.Hash{seal.HashLeaf(proof.Entry)}, s.key.Verifier())
		require.NoError(t, err)
		require.Equal(t, cosigned, policy.Check(batch.Checkpoint.Note) == nil)
	}
	backup, err := seal.BeginBackup(files)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "seal")
	require.NoError(t, backup.CopyTo(t.Context(), seal.OpenDir(copied)))
	content, err := os.ReadFile(filepath.Join(copied, "cosigned"))
	require.NoError(t, err)
	require.Equal(t, held, content)

	require.NoError(t, os.Remove(filepath.Join(s.dir, seal.DirName, "cosigned")))
	report = s.verify(policy, newest)
	require.Len(t, report.Findings, 1)
	require.ErrorContains(t, fmt.Errorf("%v", report.Findings[0]), "0 of the 2 witnesses")

	handlers[1] = both
	s.start(NewClient(policy))
	s.stop()
	require.EqualValues(t, 350, s.verify(policy, nil).Witnessed, "the last checkpoint is offered again")
	require.Empty(t, s.errors())
}

// TestSealingDoesNotWait has witnesses that hang.
func TestSealingDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	asked := make(chan struct{}, 1)
	s.start(hangingWitnesses{asked})
	s.append(1)
	<-asked
	s.append(300)
	require.NoError(t, s.ledger.Sync())
	for s.sealer.Newest().Size < 301 {
		require.NoError(t, s.ledger.WaitSynced(t.Context(), 1))
	}
	require.Zero(t, s.sealer.Cosigned().Size)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // Close has nothing to seal, and asks again
		<-asked
		cancel()
	}()
	require.NoError(t, s.sealer.Close(ctx))
	require.NoError(t, s.ledger.Close())
}

type hangingWitnesses struct{ asked chan struct{} }

func (w hangingWitnesses) Cosign(ctx context.Context, c seal.Checkpoint, _ func(int64) ([]seal.Hash, error)) ([]byte, error) {
	w.asked <- struct{}{}
	<-ctx.Done()
	return c.Note, ctx.Err()
}

func (hangingWitnesses) Check([]byte) error { return context.Canceled }

// TestWitnessesFindOldCopy puts back an old copy of the directory and of the anchor: only the
// witnesses know more.
func TestWitnessesFindOldCopy(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	policy, _ := twoWitnesses(t, s)
	s.start(NewClient(policy))
	s.append(10)
	s.stop()
	old := filepath.Join(t.TempDir(), "old")
	require.NoError(t, os.CopyFS(old, os.DirFS(s.dir)))
	anchor, err := os.ReadFile(s.anchor)
	require.NoError(t, err)
	s.start(NewClient(policy))
	s.append(10)
	s.stop()

	for n, want := range map[int]error{5: seal.ErrRollback, 10: seal.ErrFork, 15: seal.ErrFork} {
		require.NoError(t, os.RemoveAll(s.dir))
		require.NoError(t, os.CopyFS(s.dir, os.DirFS(old)))
		require.NoError(t, os.Chmod(s.dir, 0o700))
		require.NoError(t, os.WriteFile(s.anchor, anchor, 0o600))
		s.errors()
		s.count += 1000
		s.start(NewClient(policy))
		s.append(n)
		s.stop()
		reported := s.errors()
		require.NotEmpty(t, reported)
		require.ErrorIs(t, reported[len(reported)-1], want)
	}
}
