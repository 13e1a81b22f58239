package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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

// sealCrashes is how many crashes TestSealedCrashes has for each way of syncing. The variable
// OPENDEED_SEAL_CRASHES sets another number.
func sealCrashes() int {
	n, err := strconv.Atoi(os.Getenv("OPENDEED_SEAL_CRASHES"))
	switch {
	case err == nil && n > 0:
		return n
	case ledger.Sampled():
		return 40
	}
	return 400
}

// TestSealedCrashes stops a sealed ledger again and again: by killing the process, by cutting
// the power, and by errors of the disk. What was signed is never contradicted, and nothing is
// called an edit.
func TestSealedCrashes(t *testing.T) {
	t.Parallel()
	key, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	for mode, interval := range map[string]time.Duration{"strict": 0, "relaxed": 300 * time.Millisecond} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			const each = 20 // crashes of one machine
			for seed := range uint64(max(1, sealCrashes()/each)) {
				synctest.Test(t, func(t *testing.T) {
					w := &sealedWorkload{
						t: t, key: key, seed: seed, random: rand.New(rand.NewPCG(seed, 7)), flaky: rand.New(rand.NewPCG(seed, 9)),
						opts: []ledger.Option{
							ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(interval), ledger.WithScrub(0),
						},
					}
					if seed%3 == 0 {
						w.from = 1 << 62 // retention removes the beginning
						w.opts = append(w.opts, ledger.WithRetention(0, 0))
					}
					w.machine = ledger.NewMachine(rand.New(rand.NewPCG(seed, 8)))
					for w.crash = range each {
						w.run()
					}
				})
			}
		})
	}
}

// sealedWorkload is a service that crashes.
type sealedWorkload struct {
	t       *testing.T
	key     *seal.Key
	seed    uint64
	crash   int
	random  *rand.Rand
	flaky   *rand.Rand // of the anchor
	opts    []ledger.Option
	from    uint64 // entries before may be missing
	machine *ledger.Machine
	held    []byte // what the anchor has
	count   int
}

// workloadAnchor is an anchor that only a living process reaches.
type workloadAnchor struct {
	*sealedWorkload

	process *ledger.Process
}

var errUnreachable = errors.New("the anchor cannot be reached")

func (a workloadAnchor) Load(context.Context) ([]byte, error) { return a.held, nil }

func (a workloadAnchor) Store(_ context.Context, c []byte) error {
	if a.process.Killed() || a.flaky.IntN(10) == 0 {
		return errUnreachable
	}
	a.held = c
	return nil
}

func (w *sealedWorkload) explain(what string) string {
	return fmt.Sprintf("%s; seed %d, crash %d", what, w.seed, w.crash)
}

// run runs a process until it crashes, then one without faults that closes, and verifies.
func (w *sealedWorkload) run() {
	faults := ledger.HonestFaults()
	at := 1 + w.random.IntN(400)
	if w.random.IntN(4) == 0 {
		at = 1 << 30 // only the crash at the end
	}
	process := w.machine.Start(faults[w.random.IntN(len(faults))], at)
	w.serve(process, 1+w.random.IntN(12))
	hit, _ := process.Hit()
	if process.Killed() || w.random.IntN(2) == 0 {
		w.machine = w.machine.PowerCut()
	}
	if w.random.IntN(3) > 0 {
		return // the next process begins with what this one left
	}
	process = w.machine.Start("", 1<<30)
	w.serve(process, 2)
	report, err := seal.Verify(w.t.Context(), w.machine.Reader(), seal.VerifyOptions{
		Keys: []note.Verifier{w.key.Verifier()}, Held: w.held, Files: w.machine.Files(seal.DirName), From: w.from,
	})
	require.NoError(w.t, err)
	require.Empty(w.t, report.Findings, w.explain("fault at "+hit))
	require.Empty(w.t, report.Gaps, w.explain("fault at "+hit))
	require.GreaterOrEqual(w.t, report.Sealed+1, report.First, w.explain("fault at "+hit))
}

// serve opens the ledger, seals it, appends, and stops in one way or another.
func (w *sealedWorkload) serve(process *ledger.Process, steps int) {
	requireHonest := func(err error) {
		if err == nil {
			return
		}
		_, contradicts := errors.AsType[*seal.AnchorError](err)
		require.False(w.t, contradicts, w.explain(err.Error()))
	}
	l, err := process.Open(w.opts...)
	if err != nil {
		require.NotErrorAs(w.t, err, new(*ledger.CorruptError), w.explain("open"))
		process.Kill()
		return
	}
	sealer, err := seal.Start(w.t.Context(), l, w.key,
		seal.WithFiles(process.Files(seal.DirName)), seal.WithAnchor(workloadAnchor{w, process}),
		seal.WithErrorHandler(func(err error) { requireHonest(err) }))
	requireHonest(err)
	if err != nil {
		process.Kill()
		_ = l.Close()
		return
	}
	for range steps {
		switch w.random.IntN(5) {
		case 0:
			time.Sleep(time.Duration(w.random.IntN(3000)) * time.Millisecond)
		case 1:
			_ = l.Sync()
		default:
			var entries [][]byte
			for range 1 + w.random.IntN(30) {
				w.count++
				text := strconv.Itoa(w.count) + ":"
				entries = append(entries, []byte(text+strings.Repeat("x", w.random.IntN(600))))
			}
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			_, _ = l.Append(ctx, entries...) // the ledger's own tests say what becomes of them
			cancel()
		}
	}
	synctest.Wait()
	if w.random.IntN(3) == 0 || process.Killed() {
		process.Kill()
	}
	requireHonest(sealer.Close(w.t.Context()))
	_ = l.Close()
	process.Kill()
}
