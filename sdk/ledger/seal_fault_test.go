package ledger_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// TestEveryOperationFailsWhenSealed is TestEveryOperationFails with a seal: the fault is at one
// operation after the other of the ledger and the seal. No entry is lost or doubled, a seal that
// does not cover what is synced says so, and the next start seals everything.
func TestEveryOperationFailsWhenSealed(t *testing.T) {
	t.Parallel()
	key, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	step := 7 // without a common divisor with what depends on the number
	if ledger.Sampled() {
		step = 43
	}
	for _, fault := range ledger.HonestFaults() {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			runs, hit := 0, true
			for ; hit; runs++ {
				synctest.Test(t, func(t *testing.T) {
					at := 1 + runs*step
					r := &sealedRun{
						t: t, key: key, fault: fault, at: at, strict: runs%2 == 0, acked: map[uint64]string{}, maybe: map[string]bool{},
						machine: ledger.NewMachine(rand.New(rand.NewPCG(uint64(at), 3))),
					}
					hit = r.run()
					r.verify()
				})
			}
			require.Greater(t, runs, 1, "the workload must have operations of this kind")
		})
	}
}

// sealedRun is a service whose disk fails once.
type sealedRun struct {
	t       *testing.T
	key     *seal.Key
	fault   string
	at      int
	strict  bool // Append syncs
	machine *ledger.Machine

	process *ledger.Process
	ledger  *ledger.Ledger
	sealer  *seal.Sealer
	anchor  []byte
	said    []error // what the seal has reported in this process

	created int
	acked   map[uint64]string
	maybe   map[string]bool // entries of which Append did not know whether they are stored
	durable uint64          // the last entry that a power cut leaves
}

func (r *sealedRun) Load(context.Context) ([]byte, error) { return r.anchor, nil }

func (r *sealedRun) Store(_ context.Context, c []byte) error {
	r.anchor = c
	return nil
}

func (r *sealedRun) explain() string {
	operation, _ := r.process.Hit()
	return r.fault + " at operation " + strconv.Itoa(r.at) + " (" + operation + ")"
}

// run runs the workload, and reports whether an operation has failed.
func (r *sealedRun) run() (hit bool) {
	r.process = r.machine.Start(r.fault, r.at)
	for _, step := range []func(){
		r.open,
		func() { r.append(1, 500, 20_000) },
		r.sealed,
		func() { r.append(30_000, 30_000) }, // in the next segment
		func() { r.append(40_000) },
		r.sealed,
		func() { r.append(70) },
		r.close,
		r.open,
		func() { r.append(600) },
		r.sealed,
	} {
		if step(); r.powerCut() {
			break
		}
	}
	_, hit = r.process.Hit()
	cut := r.powerCut() || r.at%2 == 0
	r.process.Kill()
	if r.ledger != nil {
		_ = r.sealer.Close(r.t.Context())
		_ = r.ledger.Close() // only ends its goroutines
	}
	if cut {
		r.machine = r.machine.PowerCut()
	}
	return hit
}

// powerCut reports whether the fault was a power cut.
func (r *sealedRun) powerCut() bool {
	_, hit := r.process.Hit()
	return hit && r.fault == "a power cut"
}

// retry repeats a call that may fail because of the fault, until it succeeds.
func (r *sealedRun) retry(call func() error) {
	for range 10 {
		err := call()
		if err == nil || r.powerCut() {
			return
		}
		_, hit := r.process.Hit()
		require.True(r.t, hit, "%s: %v", r.explain(), err)
		require.NotErrorAs(r.t, err, new(*seal.AnchorError), r.explain())
		time.Sleep(time.Minute)
	}
	require.Fail(r.t, "it never recovers", r.explain())
}

func (r *sealedRun) openLedger() (*ledger.Ledger, error) {
	interval := time.Duration(0)
	if !r.strict {
		interval = 300 * time.Millisecond
	}
	return r.process.Open(ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(interval), ledger.WithScrub(0))
}

func (r *sealedRun) open() {
	r.retry(func() error {
		r.process = r.machine.Restart(r.process)
		l, err := r.openLedger()
		if err != nil {
			return err
		}
		r.said = nil
		sealer, err := seal.Start(r.t.Context(), l, r.key, seal.WithFiles(r.process.Files(seal.DirName)), seal.WithAnchor(r),
			seal.WithErrorHandler(func(err error) { r.said = append(r.said, err) }))
		if err != nil {
			return errors.Join(err, l.Close())
		}
		r.ledger, r.sealer = l, sealer
		r.t.Cleanup(func() { _, _ = sealer.Close(context.Background()), l.Close() }) // if the test fails
		return nil
	})
}

// append appends entries of the given sizes. If that fails, it appends a small one.
func (r *sealedRun) append(sizes ...int) {
	r.retry(func() error {
		var entries [][]byte
		for _, size := range sizes {
			r.created++
			text := strconv.Itoa(r.created) + ":"
			entries = append(entries, []byte(text+strings.Repeat("x", size)))
		}
		sizes = []int{10}
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
		defer cancel()
		first, err := r.ledger.Append(ctx, entries...)
		for i, e := range entries {
			if err == nil {
				seq := first + uint64(i)
				require.Empty(r.t, r.acked[seq], r.explain())
				r.acked[seq] = string(e)
				if r.strict {
					r.durable = seq
				}
			} else if errors.Is(err, ledger.ErrMaybeStored) {
				r.maybe[string(e)] = true
			}
		}
		return err
	})
}

// sealed waits, and requires that all synced entries are sealed unless the seal has said that it
// failed. Then it waits longer, and requires it in any case.
func (r *sealedRun) sealed() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
	if r.powerCut() {
		return
	}
	covered := func() bool { return r.sealer.Newest().Size >= int64(r.ledger.Synced()) }
	require.True(r.t, covered() || len(r.said) > 0, "the seal failed and said nothing; %s", r.explain())
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	require.True(r.t, covered() || r.powerCut(), "it is not sealed again: %v; %s", r.said, r.explain())
}

func (r *sealedRun) close() {
	last := r.ledger.Stats().Next - 1
	err := r.sealer.Close(r.t.Context())
	if err == nil && !r.powerCut() {
		c, err := seal.OpenCheckpoint(r.anchor, r.key.Verifier())
		require.NoError(r.t, err, r.explain())
		require.GreaterOrEqual(r.t, c.Size, int64(last), "Close said nothing; %s", r.explain())
	}
	if closed := r.ledger.Close(); closed == nil {
		r.durable = last
	}
	r.ledger = nil
}

// verify starts once more, without a fault, and compares what is there with what was promised.
func (r *sealedRun) verify() {
	hit := r.explain()
	r.process = r.machine.Start("", 1<<30)
	l, err := r.openLedger()
	require.NoError(r.t, err, hit)
	next := l.Stats().Next
	require.Greater(r.t, next, r.durable, hit)
	for seq := range r.acked {
		if seq >= next { // the power was cut before it was synced
			require.False(r.t, r.strict, "entry %d is lost; %s", seq, hit)
			delete(r.acked, seq)
		}
	}
	require.NoError(r.t, l.Close())
	r.open()
	r.append(10)
	require.NoError(r.t, r.sealer.Close(r.t.Context()), hit)
	require.NoError(r.t, r.ledger.Close(), hit)

	for e, err := range r.machine.Reader().Entries(r.t.Context(), 0) {
		require.NoError(r.t, err, hit)
		if want, ok := r.acked[e.Seq]; ok {
			require.Equal(r.t, want[:min(20, len(want))], string(e.Data[:min(20, len(e.Data))]), hit)
			delete(r.acked, e.Seq)
			continue
		}
		require.True(r.t, r.maybe[string(e.Data)], "entry %d was not stored, or twice; %s", e.Seq, hit)
		delete(r.maybe, string(e.Data))
	}
	require.Empty(r.t, r.acked, "entries are lost; %s", hit)
	report, err := seal.Verify(r.t.Context(), r.machine.Reader(), seal.VerifyOptions{
		Keys: []note.Verifier{r.key.Verifier()}, Held: r.anchor, Files: r.machine.Files(seal.DirName),
	})
	require.NoError(r.t, err, hit)
	require.Empty(r.t, report.Findings, hit)
	require.Empty(r.t, report.Gaps, hit)
	require.Equal(r.t, report.Last, report.Proved, hit)
}
