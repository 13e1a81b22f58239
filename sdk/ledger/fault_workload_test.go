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

// TestEveryOperationFails runs one workload repeatedly, with a fault at its first
// operation, its second, and so on, until it ends without a fault. After each run it
// compares what a new process finds with what the ledger promised.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	modes := map[string]time.Duration{"strict": 0, "relaxed": time.Second}
	for mode, interval := range modes {
		for _, kind := range faultKinds {
			t.Run(mode+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				step := 1
				switch { // steps without a common divisor with what depends on the number
				case kind == faultHang, testing.Short(): // hangs take real time
					step = 17
				case sampled():
					step = 5
				}
				at := 1
				for runWorkload(t, interval, &faults{kind: kind, at: at}) {
					at += step
				}
				require.Greater(t, at, 5, "the workload must have operations of this kind")
			})
		}
	}
}

// runWorkload runs the workload with a fault, and reports whether the fault was hit.
func runWorkload(t *testing.T, interval time.Duration, f *faults) (hit bool) {
	bubble, settle := synctest.Test, synctest.Wait
	if f.hang = time.Minute; f.kind == faultHang {
		// A goroutine that waits for a mutex during a hang stops a bubble's clock.
		f.hang, interval = 20*time.Millisecond, min(interval, 10*time.Millisecond)
		bubble, settle = func(t *testing.T, f func(*testing.T)) { f(t) }, func() {}
	}
	bubble(t, func(t *testing.T) {
		c := config{segmentSize: MinSegmentSize / 4, retain: true, syncInterval: interval} // small, for speed
		c.dense = f.at%3 == 0
		w := &workload{
			model: newModel(), t: t, faults: f, config: c, settle: settle,
			wait: 3 * max(interval, 5*time.Millisecond), pause: min(f.hang, 2*maintainRetry),
			disk: newMemDisk(rand.New(rand.NewPCG(uint64(f.at), 1))),
		}
		w.run()
		w.verify()
		_, hit = f.hitOperation()
	})
	return hit
}

// workload is a program that uses a ledger and records what the ledger promised.
type workload struct {
	*model
	t      *testing.T
	disk   *memDisk
	faults *faults
	config config

	dir      *memDir
	ledger   *Ledger
	cursor   *Cursor
	read     uint64 // sequence number of the last entry that the cursor returned
	created  int    // number of entries
	powerCut bool   // the power was cut before the ledger is opened

	promised  *promise // what was promised before the step that hit the fault
	stepsLeft int      // steps that follow a sync that lied

	settle func()        // waits until all goroutines are idle
	wait   time.Duration // how long to wait for entries
	pause  time.Duration // before the next attempt

	verifying string // description of the fault, while verify runs
}

// run runs the steps until the workload stops.
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
		if w.stopped() {
			break
		}
		before := promise{synced: w.synced, committed: w.committed}
		step()
		w.settle()
		if _, hit := w.faults.hitOperation(); hit && w.promised == nil {
			w.promised = &before
			w.stepsLeft = w.faults.at % 4
		}
		w.stepsLeft--
	}
	if w.ledger != nil {
		w.crash(false)
	}
}

// promise is what must survive a power cut.
type promise struct{ synced, committed uint64 }

// stopped reports whether the workload is over: the power was cut, or a sync lied some
// steps ago.
func (w *workload) stopped() bool {
	_, hit := w.faults.hitOperation()
	switch w.faults.kind {
	case faultPowerCut:
		return hit
	case faultLie:
		return w.promised != nil && w.stepsLeft < 0
	default:
		return false
	}
}

// explain describes the fault for failure messages.
func (w *workload) explain() string {
	if w.verifying != "" {
		return w.verifying
	}
	op, _ := w.faults.hitOperation()
	return fmt.Sprintf("%s at operation %d (%s)", w.faults.kind, w.faults.at, op.kind)
}

func (w *workload) noError(err error) {
	w.t.Helper()
	require.NoError(w.t, err, w.explain())
}

// requireExcused requires that err is nil or that the fault explains it.
func (w *workload) requireExcused(err error) {
	w.t.Helper()
	if err != nil {
		_, hit := w.faults.hitOperation()
		require.True(w.t, hit || w.faults.kind == faultHang, "%s: %v", w.explain(), err)
		require.ErrorContains(w.t, err, "/memory", "it names the directory; %s", w.explain())
		require.NotErrorAs(w.t, err, new(*LostError), "no fault removes a file; %s", w.explain())
	}
}

// retry repeats a call that may fail because of the fault, until it succeeds.
func (w *workload) retry(call func() error) {
	w.t.Helper()
	for attempt := 0; ; attempt++ {
		err := call()
		if err == nil || w.stopped() {
			return
		}
		w.requireExcused(err)
		if w.faults.kind == faultHang {
			time.Sleep(w.pause)
			continue // without limit, since the machine may be slow
		}
		require.Less(w.t, attempt, 2*faultLength, "%s: it never recovers: %v", w.explain(), err)
		time.Sleep(w.pause)
	}
}

func (w *workload) open() {
	w.retry(func() error {
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
	if w.stopped() {
		return
	}
	w.checkOpened()
	w.retry(func() (err error) {
		w.cursor, err = w.ledger.Cursor("reader")
		return err
	})
	if w.stopped() {
		return
	}
	w.checkCursor()
	w.read = w.cursor.Committed()
}

// checkOpened compares the end of the opened ledger with what was acknowledged.
func (w *workload) checkOpened() {
	next := w.ledger.Stats().Next
	if w.powerCut {
		w.noError(w.powerFailed(next))
	}
	w.powerCut = false
	require.Greater(w.t, next, w.last(), w.explain())
}

func (w *workload) checkCursor() {
	at := w.cursor.Committed()
	require.LessOrEqual(w.t, w.committed, at, "the cursor is before its last commit; "+w.explain())
	require.LessOrEqual(w.t, at, w.attempted, "the cursor is past every attempted commit; "+w.explain())
}

// append appends entries of the given sizes. If that fails, it appends a small entry,
// which needs no new segment, until that succeeds.
func (w *workload) append(sizes ...int) {
	w.retry(func() error {
		err := w.appendOnce(sizes)
		sizes = []int{10}
		return err
	})
}

func (w *workload) appendOnce(sizes []int) error {
	var entries [][]byte
	var texts []string
	for _, size := range sizes {
		w.created++
		text := fmt.Sprintf("%d:", w.created)
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
	w.retry(func() error {
		err := w.ledger.Sync()
		if err == nil {
			w.synced = w.last()
		}
		return err
	})
}

// consume reads and commits all entries.
func (w *workload) consume() {
	for {
		var entries []Entry
		w.retry(func() (err error) {
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
			w.noError(w.checkEntry(e))
		}
		w.retry(func() error {
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
	w.requireExcused(err)
	if err == nil {
		w.synced = w.last()
	}
}

// crash ends the process, and cuts the power of the machine if powerCut is true.
func (w *workload) crash(powerCut bool) {
	w.dir.kill()
	_ = w.ledger.Close() // only ends its goroutines
	w.ledger = nil
	if powerCut {
		w.disk, w.powerCut = w.disk.powerCut(), true
	}
}

// verify checks what a process without faults finds.
func (w *workload) verify() {
	_, hit := w.faults.hitOperation()
	lied := hit && w.faults.kind == faultLie
	if lied || w.stopped() || w.faults.at%2 == 1 {
		w.disk, w.powerCut = w.disk.powerCut(), true
	}
	w.verifying = "after the workload: " + w.explain()
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
	w.checkOpened()
	w.cursor, err = l.Cursor("reader")
	w.noError(err)
	w.checkCursor()
	w.read = w.cursor.Committed()
	first, all := w.readAll()
	w.noError(w.check(first, all))
	require.LessOrEqual(w.t, first, l.Stats().First, w.explain()) // maintenance may remove segments meanwhile

	w.append(1_000)
	w.append(10_000)
	w.sync()
	w.consume()
	require.Equal(w.t, w.last(), w.read, w.explain())
	w.close()

	w.dir = w.disk.open(w.faults)
	w.ledger, err = open(w.dir, w.config)
	w.noError(err)
	require.Equal(w.t, Recovery{}, w.ledger.Recovery(), w.explain())
	w.close()
}

// verifyLied verifies a ledger after a sync that lied. The ledger may be damaged, but
// what was synced before must be readable, and nothing may be invented.
func (w *workload) verifyLied() {
	w.synced, w.committed = w.promised.synced, w.promised.committed
	l, err := open(w.disk.open(nil), w.config)
	if errors.As(err, new(*CorruptError)) {
		w.config.salvage = true
		l, err = open(w.disk.open(nil), w.config)
	}
	if w.synced == 0 && errors.As(err, new(*CorruptError)) {
		return // it was never created
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
		w.noError(w.checkEntry(e))
		got[e.Seq] = string(e.Data)
	}
	for seq, want := range w.acked {
		if seq > w.attempted && seq <= w.synced && got[seq] != want {
			require.Fail(w.t, "a synced entry is missing", "entry %d; %s", seq, w.explain())
		}
	}
	w.noError(l.Close())
}

// readAll returns all entries that a reader yields, and the sequence number of the
// oldest one.
func (w *workload) readAll() (first uint64, all []string) {
	reader := &Reader{dir: w.disk.open(nil)}
	for e, err := range reader.Entries(w.t.Context(), 0) {
		if errors.As(err, new(*RemovedError)) { // maintenance removed a segment meanwhile
			first, all = 0, nil
			continue
		}
		w.noError(err)
		if first == 0 {
			first = e.Seq
		}
		require.Equal(w.t, first+uint64(len(all)), e.Seq, "no gaps; "+w.explain())
		all = append(all, string(e.Data))
	}
	if first == 0 { // everything was removed, perhaps after the last Stats
		source, err := reader.view(true)
		w.noError(err)
		first = source.catalog.floor
	}
	return first, all
}
