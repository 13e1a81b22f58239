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

// outcome is what one Append returned.
type outcome struct {
	entries []string
	first   uint64
	err     error
}

// TestConcurrentAppends has many goroutines append while one reads, ends the ledger by
// Close, by killing the process or by a power cut, and compares what is there with
// what they were told.
func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for _, interval := range []time.Duration{0, 2 * time.Millisecond} {
		t.Run(fmt.Sprint(interval), func(t *testing.T) {
			t.Parallel()
			p := &property{
				model: newModel(), rand: rand.New(rand.NewPCG(7, uint64(interval))), interval: interval,
				disk: newDisk(rand.New(rand.NewPCG(8, uint64(interval)))),
			}
			for range rounds {
				p.round(t)
			}
		})
	}
}

type property struct {
	*model
	rand     *rand.Rand
	interval time.Duration
	disk     *disk
	made     int
	cut      bool
}

// round opens the ledger, checks it, uses it and ends it.
func (p *property) round(t *testing.T) {
	c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize), WithSyncInterval(p.interval)})
	require.NoError(t, err)
	dir := p.disk.open(nil)
	l, err := open(dir, c)
	require.NoError(t, err)
	defer func() { _ = l.Close() }() // if the test fails
	if p.cut {
		require.NoError(t, p.crashed(l.Stats().Next))
	}
	require.NoError(t, p.check(1, readMemory(t, p.disk)))

	const writers, appends = 8, 25
	ending := p.rand.IntN(3)
	killAt := 0 // never
	if ending > 0 {
		killAt = 1 + p.rand.IntN(writers*appends)
	}
	for _, o := range p.use(t, l, dir, writers, appends, killAt) {
		require.NoError(t, p.appended(o.entries, o.first, o.err, p.interval == 0))
	}
	if ending == 0 {
		require.NoError(t, l.Close())
		p.synced = p.last()
	} else {
		dir.kill()
		_ = l.Close() // ends its goroutines
	}
	if p.cut = ending == 2; p.cut {
		p.disk = p.disk.powerCut()
	}
}

// use has writers append, and the process be killed with one of the appends.
func (p *property) use(t *testing.T, l *Ledger, dir *memDir, writers, appends, killAt int) []outcome {
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

// entries makes the entries of one Append, each of them new.
func (p *property) entries() []string {
	entries := make([]string, 1+p.rand.IntN(4))
	for i := range entries {
		p.made++
		entries[i] = fmt.Sprintf("%d:%s", p.made, strings.Repeat("x", int(p.rand.ExpFloat64()*500)))
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

// follow reads all entries with a cursor, in order, until ctx ends.
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

// TestCloseWhileReading closes a ledger whose cursor waits, and one that reads.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	for range 20 {
		l := openMemory(t, memory(), nil)
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

// TestPowerCutBetweenSyncs cuts the power of a relaxed ledger, which leaves any of what
// was written since the last sync: it opens, with all that was synced.
func TestPowerCutBetweenSyncs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		d := newDisk(r)
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
		got := readMemory(t, d)
		require.GreaterOrEqual(t, len(got), synced, "seed %d", seed)
		require.Equal(t, want[:len(got)], append([]string{}, got...), "seed %d", seed)
		require.NoError(t, l.Close())
	}
}
