package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outcome is the result of one Append.
type outcome struct {
	entries []string
	first   uint64
	err     error
}

// TestConcurrentAppends appends from many goroutines while one reads, ends the ledger
// by Close, by killing the process or by a power cut, and compares its content with
// what was acknowledged.
func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for i := range 4 {
		interval, dense := time.Duration(i%2)*2*time.Millisecond, i/2 == 1
		t.Run(fmt.Sprint(interval, ", dense ", dense), func(t *testing.T) {
			t.Parallel()
			p := &appendProperty{
				dense: dense,
				model: newModel(), rand: rand.New(rand.NewPCG(7, uint64(interval))), interval: interval,
				disk: newMemDisk(rand.New(rand.NewPCG(8, uint64(interval)))),
			}
			for range rounds {
				p.round(t)
			}
		})
	}
}

type appendProperty struct {
	*model
	rand     *rand.Rand
	interval time.Duration
	dense    bool
	disk     *memDisk
	created  int
	powerCut bool
}

// round opens the ledger, checks its content, uses it and ends it.
func (p *appendProperty) round(t *testing.T) {
	c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize), WithSyncInterval(p.interval)})
	require.NoError(t, err)
	c.dense = p.dense
	dir := p.disk.open(nil)
	l, err := open(dir, c)
	require.NoError(t, err)
	defer func() { _ = l.Close() }() // if the test fails
	if p.powerCut {
		require.NoError(t, p.powerFailed(l.Stats().Next))
	}
	require.NoError(t, p.check(1, readMem(t, p.disk)))

	const writers, appends = 8, 25
	ending := p.rand.IntN(3)
	killAt := 0 // never
	if ending > 0 {
		killAt = 1 + p.rand.IntN(writers*appends)
	}
	for _, o := range p.runWriters(t, l, dir, writers, appends, killAt) {
		require.NoError(t, p.appended(o.entries, o.first, o.err, p.interval == 0))
	}
	if ending == 0 {
		require.NoError(t, l.Close())
		p.synced = p.last()
	} else {
		dir.kill()
		_ = l.Close() // ends its goroutines
	}
	if p.powerCut = ending == 2; p.powerCut {
		p.disk = p.disk.powerCut()
	}
}

// runWriters appends concurrently, and kills the process at append number killAt.
func (p *appendProperty) runWriters(t *testing.T, l *Ledger, dir *memDir, writers, appends, killAt int) []outcome {
	plans := make([][][]string, writers)
	for i := range plans {
		for range appends {
			plans[i] = append(plans[i], p.entries())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() { follow(ctx, t, l) })
	alive, die := context.WithCancel(t.Context())
	defer die()
	var mu sync.Mutex
	var outcomes []outcome
	var writing sync.WaitGroup
	for _, plan := range plans {
		writing.Go(func() {
			for _, entries := range plan {
				first, err := l.Append(alive, toBytes(entries)...)
				mu.Lock()
				outcomes = append(outcomes, outcome{entries: entries, first: first, err: err})
				kill := len(outcomes) == killAt
				mu.Unlock()
				if kill {
					dir.kill()
					die()
				}
			}
		})
	}
	writing.Wait()
	cancel()
	reading.Wait()
	return outcomes
}

// entries returns the entries of one Append. All entries are distinct.
func (p *appendProperty) entries() []string {
	entries := make([]string, 1+p.rand.IntN(4))
	for i := range entries {
		p.created++
		entries[i] = fmt.Sprintf("%d:%s", p.created, strings.Repeat("x", int(p.rand.ExpFloat64()*500)))
	}
	return entries
}

func toBytes(entries []string) [][]byte {
	var all [][]byte
	for _, e := range entries {
		all = append(all, []byte(e))
	}
	return all
}

// follow reads and commits all entries in order until ctx ends.
func follow(ctx context.Context, t *testing.T, l *Ledger) {
	c, err := l.Cursor("sink")
	if errors.Is(err, errKilled) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	for next := c.Committed() + 1; ; {
		entries, err := c.Next(ctx, 10, 10_000)
		if err != nil {
			if !errors.Is(err, context.Canceled) && !errors.Is(err, errKilled) {
				t.Error(err)
			}
			return
		}
		for _, e := range entries {
			if e.Seq != next {
				t.Errorf("entry %d follows entry %d", e.Seq, next-1)
			}
			next++
		}
		if err := c.Commit(next - 1); err != nil && !errors.Is(err, errKilled) {
			t.Error(err)
		}
	}
}

// TestCloseWhileReading closes a ledger while a cursor reads or waits.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	for range 20 {
		l := mustOpenMem(t, testDisk(), nil)
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		done := make(chan error)
		go func() {
			for {
				if _, err := c.Next(t.Context(), 1, 1); err != nil {
					done <- err
					return
				}
			}
		}()
		for range 5 {
			mustAppend(t, l, "entry")
		}
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-done, ErrClosed)
	}
}

// TestPowerCutBetweenSyncs cuts the power of a ledger with a sync interval. Any part
// of what was written since the last sync may survive. The ledger must open and
// contain all synced entries.
func TestPowerCutBetweenSyncs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		d := newMemDisk(r)
		dir := d.open(nil)
		c := config{segmentSize: MinSegmentSize / 4, syncInterval: time.Hour}
		l, err := open(dir, c)
		require.NoError(t, err)
		var want []string
		synced := 0
		for range 8 {
			if r.IntN(3) == 0 {
				require.NoError(t, l.Sync())
				synced = len(want)
			}
			text := strings.Repeat(fmt.Sprint(len(want)), r.IntN(1_500))
			mustAppend(t, l, text)
			want = append(want, text)
		}
		dir.kill()
		_ = l.Close()
		d = d.powerCut()
		l, err = open(d.open(nil), c)
		require.NoError(t, err, "seed %d", seed)
		got := readMem(t, d)
		require.GreaterOrEqual(t, len(got), synced, "seed %d", seed)
		require.Equal(t, want[:len(got)], append([]string{}, got...), "seed %d", seed)
		require.NoError(t, l.Close())
	}
}

// syncHook calls duringSync at the beginning of each sync.
type syncHook struct {
	file
	duringSync func()
}

func (h *syncHook) Sync() error {
	h.duringSync()
	return h.file.Sync()
}

// TestAppendDuringSync appends an entry while a sync runs. That sync need not cover it,
// but the next one must.
func TestAppendDuringSync(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil, WithSyncInterval(time.Hour))
	mustAppend(t, l, "before")
	original, once := l.active.file, sync.Once{}
	l.active.file = &syncHook{original, func() { once.Do(func() { mustAppend(t, l, "during") }) }}
	require.NoError(t, l.Sync())
	require.NoError(t, l.Sync())
	require.Equal(t, uint64(3), l.Stats().Next)
	l.active.file = original
}
