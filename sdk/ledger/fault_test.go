package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryOperationFails runs one workload again and again, with a fault at the
// first, the second, the third operation, until it ends without having met it. After
// each it compares what a fresh process finds with what it was promised.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	modes := map[string]time.Duration{"strict": 0, "relaxed": time.Second}
	for mode, interval := range modes {
		for _, kind := range faultKinds {
			t.Run(mode+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				step := 1
				if testing.Short() || kind == faultHang { // which takes real time
					step = 15
				}
				at := 1
				for runWorkload(t, interval, &faults{kind: kind, at: at}) {
					at += step
				}
				require.Greater(t, at, 5, "the workload has operations of this kind")
			})
		}
	}
}

// runWorkload runs the workload with a fault and reports whether that was met.
func runWorkload(t *testing.T, interval time.Duration, f *faults) (met bool) {
	bubble, settle := synctest.Test, synctest.Wait
	if f.hang = time.Minute; f.kind == faultHang {
		// Whoever waits for a mutex behind a hang keeps a bubble's clock from moving.
		f.hang, interval = 20*time.Millisecond, min(interval, 10*time.Millisecond)
		bubble, settle = func(t *testing.T, f func(*testing.T)) { f(t) }, func() {}
	}
	bubble(t, func(t *testing.T) {
		c := config{segmentSize: MinSegmentSize / 4, retain: true, syncInterval: interval} // so small is quicker
		w := &workload{
			model: newModel(), t: t, faults: f, config: c, settle: settle,
			wait: 3 * max(interval, 5*time.Millisecond), pause: min(f.hang, 2*keeperRetry),
			disk: newDisk(rand.New(rand.NewPCG(uint64(f.at), 1))),
		}
		w.run()
		w.verify()
		_, met = f.metOne()
	})
	return met
}

// workload is a program that uses a ledger, and knows what it was told.
type workload struct {
	*model
	t      *testing.T
	disk   *disk
	faults *faults
	config config

	dir    *memDir
	ledger *Ledger
	cursor *Cursor
	read   uint64 // sequence number of the last entry that the cursor returned
	made   int    // entries
	cut    bool   // the power was cut before the ledger is opened

	kept *promise // what was promised ahead of the step that met the fault
	left int      // steps that follow a lie

	settle func()        // waits until nothing happens any more
	wait   time.Duration // for entries
	pause  time.Duration // ahead of the next attempt

	verifying string // says what the fault was
}

// run runs the steps, as far as they come.
func (w *workload) run() {
	steps := []func(){
		w.open,
		func() { w.append(1, 0, 500) },
		func() { w.append(600) },
		w.consume,
		func() { w.append(5_000) },
		func() { w.append(7_500, 10) },
		func() { w.append(2_300) },
		func() { w.append(7_500) }, // in the next segment
		w.sync,
		w.consume,
		func() { w.append(100) },
		func() { w.crash(w.faults.at%2 == 0 && w.faults.kind != faultLie) },
		w.open,
		func() { w.append(1_200) },
		func() { w.append(200) },
		w.close,
		w.open,
		func() { w.append(10_000) },
		w.consume,
		func() { w.append(7_500) },
		func() { w.append(0) },
		w.consume,
		w.close,
	}
	for _, step := range steps {
		if w.over() {
			break
		}
		before := promise{synced: w.synced, committed: w.committed}
		step()
		w.settle()
		if _, met := w.faults.metOne(); met && w.kept == nil {
			w.kept = &before
			w.left = w.faults.at % 4
		}
		w.left--
	}
	if w.ledger != nil {
		w.crash(false)
	}
}

// promise is what a power cut must leave.
type promise struct{ synced, committed uint64 }

// over reports whether nothing more is done: the power was cut, or a while ago a sync
// lied.
func (w *workload) over() bool {
	_, met := w.faults.metOne()
	switch w.faults.kind {
	case faultPowerCut:
		return met
	case faultLie:
		return w.kept != nil && w.left < 0
	default:
		return false
	}
}

// explain says where the workload is.
func (w *workload) explain() string {
	if w.verifying != "" {
		return w.verifying
	}
	op, _ := w.faults.metOne()
	return fmt.Sprintf("%s at operation %d (%s)", w.faults.kind, w.faults.at, op.kind)
}

func (w *workload) noError(err error) {
	w.t.Helper()
	require.NoError(w.t, err, w.explain())
}

// excused requires that an error is nil or has the fault to explain it.
func (w *workload) excused(err error) {
	w.t.Helper()
	if err != nil {
		_, met := w.faults.metOne()
		require.True(w.t, met || w.faults.kind == faultHang, "%s: %v", w.explain(), err)
	}
}

// try calls what may fail for the fault, until it does not.
func (w *workload) try(what func() error) {
	w.t.Helper()
	for attempt := 0; ; attempt++ {
		err := what()
		if err == nil || w.over() {
			return
		}
		w.excused(err)
		if w.faults.kind == faultHang {
			time.Sleep(w.pause)
			continue // for as long as the machine is slow
		}
		require.Less(w.t, attempt, 2*faultLength, "%s: it never recovers from it: %v", w.explain(), err)
		time.Sleep(w.pause)
	}
}

func (w *workload) open() {
	w.try(func() error {
		w.dir = w.disk.open(w.faults)
		l, err := open(w.dir, w.config)
		if err != nil {
			require.NotErrorAs(w.t, err, new(*CorruptError), w.explain())
			return err
		}
		w.ledger = l
		w.t.Cleanup(func() { _ = l.Close() }) // if the test fails
		return nil
	})
	if w.over() {
		return
	}
	w.opened()
	w.try(func() (err error) {
		w.cursor, err = w.ledger.Cursor("reader")
		return err
	})
	if w.over() {
		return
	}
	w.checkCursor()
	w.read = w.cursor.Committed()
}

// opened compares how far the ledger goes with what it acknowledged.
func (w *workload) opened() {
	next := w.ledger.Stats().Next
	if w.cut {
		w.noError(w.crashed(next))
	}
	w.cut = false
	require.Greater(w.t, next, w.last(), w.explain())
}

func (w *workload) checkCursor() {
	at := w.cursor.Committed()
	require.LessOrEqual(w.t, w.committed, at, "the cursor is behind its last commit; "+w.explain())
	require.LessOrEqual(w.t, at, w.attempted, "the cursor is further than it was ever asked to; "+w.explain())
}

// append appends entries of the sizes, and small ones where that fails, which need no
// new segment, until it works.
func (w *workload) append(sizes ...int) {
	w.try(func() error {
		err := w.appendOnce(sizes)
		sizes = []int{10}
		return err
	})
}

func (w *workload) appendOnce(sizes []int) error {
	var entries [][]byte
	var texts []string
	for _, size := range sizes {
		w.made++
		text := fmt.Sprintf("%d:", w.made)
		text += strings.Repeat(text, size/len(text))
		if size == 0 {
			text = ""
		}
		entries, texts = append(entries, []byte(text)), append(texts, text)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), w.faults.hang/2)
	defer cancel()
	first, err := w.ledger.Append(ctx, entries...)
	w.noError(w.appended(texts, first, err, w.config.syncInterval == 0))
	if err != nil && w.faults.kind == faultHang {
		time.Sleep(w.faults.hang)
	}
	return err
}

func (w *workload) sync() {
	w.try(func() error {
		err := w.ledger.Sync()
		if err == nil {
			w.synced = w.last()
		}
		return err
	})
}

// consume reads what there is and commits it.
func (w *workload) consume() {
	for {
		var entries []Entry
		w.try(func() (err error) {
			ctx, cancel := context.WithTimeout(w.t.Context(), w.wait)
			defer cancel()
			entries, err = w.cursor.Next(ctx, 3, 1<<20)
			if errors.Is(err, context.DeadlineExceeded) {
				return nil
			}
			require.True(w.t, err == nil || len(entries) == 0, "entries and an error; "+w.explain())
			return err
		})
		if len(entries) == 0 {
			return
		}
		for _, e := range entries {
			require.Equal(w.t, w.read+1, e.Seq, w.explain())
			w.read = e.Seq
			w.noError(w.handedOut(e))
		}
		w.try(func() error {
			w.attempted = max(w.attempted, w.read)
			err := w.cursor.Commit(w.read)
			if err == nil {
				w.committed = w.read
			}
			return err
		})
	}
}

func (w *workload) close() {
	err := w.ledger.Close()
	w.ledger = nil
	w.excused(err)
	if err == nil {
		w.synced = w.last()
	}
}

// crash ends the process, or the machine.
func (w *workload) crash(powerCut bool) {
	w.dir.kill()
	_ = w.ledger.Close() // ends its goroutines; it has no effect
	w.ledger = nil
	if powerCut {
		w.disk, w.cut = w.disk.powerCut(), true
	}
}

// verify starts a process without faults and looks what it finds.
func (w *workload) verify() {
	_, met := w.faults.metOne()
	lied := met && w.faults.kind == faultLie
	if lied || w.over() || w.faults.at%2 == 1 {
		w.disk, w.cut = w.disk.powerCut(), true
	}
	w.verifying = "afterwards: " + w.explain()
	w.faults = &faults{kind: w.faults.kind, hang: w.faults.hang, at: math.MaxInt32}
	if lied {
		w.verifyLied()
		return
	}
	w.dir = w.disk.open(w.faults)
	l, err := open(w.dir, w.config)
	w.noError(err)
	w.ledger = l
	w.t.Cleanup(func() { _ = l.Close() }) // if the test fails
	w.opened()
	w.cursor, err = l.Cursor("reader")
	w.noError(err)
	w.checkCursor()
	w.read = w.cursor.Committed()
	first, all := w.readAll()
	w.noError(w.check(first, all))
	require.LessOrEqual(w.t, first, l.Stats().First, w.explain()) // the keeper is at work

	w.append(1_000)
	w.append(10_000)
	w.sync()
	w.consume()
	require.Equal(w.t, w.last(), w.read, w.explain())
	w.close()

	w.dir = w.disk.open(w.faults)
	w.ledger, err = open(w.dir, w.config)
	w.noError(err)
	require.Equal(w.t, Recovery{}, w.ledger.Recovered(), w.explain())
	w.close()
}

// verifyLied is for what a sync that lied has left, which may be damage: what was
// synced before can be read around it, and nothing is made up.
func (w *workload) verifyLied() {
	w.synced, w.committed = w.kept.synced, w.kept.committed
	l, err := open(w.disk.open(nil), w.config)
	if errors.As(err, new(*CorruptError)) {
		w.config.salvage = true
		l, err = open(w.disk.open(nil), w.config)
	}
	if w.synced == 0 && errors.As(err, new(*CorruptError)) {
		return // it was never made
	}
	w.noError(err)
	w.t.Cleanup(func() { _ = l.Close() }) // if the test fails
	require.Greater(w.t, l.Stats().Next, w.synced, w.explain())
	if w.committed > 0 {
		c, err := l.Cursor("reader")
		w.noError(err)
		require.LessOrEqual(w.t, w.committed, c.Committed(), w.explain())
	}
	got := map[uint64]string{}
	reader := &Reader{dir: w.disk.open(nil)}
	for e, err := range reader.Entries(w.t.Context(), 0) {
		if err != nil {
			require.ErrorAs(w.t, err, new(*CorruptError), w.explain())
			continue
		}
		w.noError(w.handedOut(e))
		got[e.Seq] = string(e.Data)
	}
	for seq, want := range w.acked {
		if seq > w.attempted && seq <= w.synced && got[seq] != want {
			require.Fail(w.t, "an entry that was synced is not there", "entry %d; %s", seq, w.explain())
		}
	}
	w.noError(l.Close())
}

// readAll returns what a reader finds, and the number of the oldest entry.
func (w *workload) readAll() (first uint64, all []string) {
	reader := &Reader{dir: w.disk.open(nil)}
	for e, err := range reader.Entries(w.t.Context(), 0) {
		w.noError(err)
		if first == 0 {
			first = e.Seq
		}
		require.Equal(w.t, first+uint64(len(all)), e.Seq, "dense; "+w.explain())
		all = append(all, string(e.Data))
	}
	if first == 0 { // everything was removed; Stats may not know yet
		source, err := reader.load()
		w.noError(err)
		first = source.catalogue.floor
	}
	return first, all
}
