package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pairModel records what Append promised about pairs.
type pairModel struct {
	mu       sync.Mutex
	created  int
	begun    map[int]bool // acknowledged
	rejected map[int]bool // certainly not stored
	ended    map[int]bool // acknowledged
	ending   map[int]bool // perhaps stored
	events   int
}

func newPairModel() *pairModel {
	return &pairModel{begun: map[int]bool{}, rejected: map[int]bool{}, ended: map[int]bool{}, ending: map[int]bool{}}
}

// begin opens a pair, and reports whether it was acknowledged.
func (m *pairModel) begin(ctx context.Context, p *Pairs, size int) (n int, ok bool) {
	m.mu.Lock()
	m.created++
	n = m.created
	m.mu.Unlock()
	_, err := p.Append(ctx, fmt.Appendf(nil, "+%d %s", n, strings.Repeat("b", size)))
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.begun[n] = true
	case !errors.Is(err, ErrMaybeStored):
		m.rejected[n] = true
	}
	return n, err == nil
}

func (m *pairModel) end(ctx context.Context, l *Ledger, n int) {
	_, err := l.Append(ctx, fmt.Appendf(nil, "-%d ", n))
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.ended[n] = true
	case errors.Is(err, ErrMaybeStored):
		m.ending[n] = true
	}
}

// check compares the pairs that were found open with the model, and returns their
// numbers.
func (m *pairModel) check(open []Entry) ([]int, error) {
	found := map[int]bool{}
	var all []int
	for _, e := range open {
		var n int
		if _, err := fmt.Sscanf(string(e.Data), "+%d ", &n); err != nil {
			return nil, err
		}
		if found[n] || m.ended[n] || m.rejected[n] {
			return nil, fmt.Errorf("pair %d is open: twice %v, ended %v, rejected %v", n, found[n], m.ended[n], m.rejected[n])
		}
		found[n] = true
		all = append(all, n)
	}
	for n := range m.begun {
		if !found[n] && !m.ended[n] && !m.ending[n] {
			return nil, fmt.Errorf("pair %d was acknowledged, was not ended, but was not found open", n)
		}
	}
	return all, nil
}

// dropLost removes the pairs that a power cut erased from a ledger with a sync
// interval.
func (m *pairModel) dropLost(stored map[string]bool) {
	maps.DeleteFunc(m.begun, func(n int, _ bool) bool { return !stored[fmt.Sprintf("+%d", n)] })
	maps.DeleteFunc(m.ended, func(n int, _ bool) bool { return !stored[fmt.Sprintf("-%d", n)] })
}

// TestPairsProperty opens and closes pairs in several goroutines, and ends the ledger
// in various ways, with and without faults. The next process checks which pairs are
// open and closes them; it may be ended meanwhile, too.
func TestPairsProperty(t *testing.T) {
	t.Parallel()
	seeds, rounds := uint64(40), 12
	if sampled() {
		seeds = 10
	}
	for _, interval := range []time.Duration{0, 20 * time.Millisecond} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%v, seed %d", interval, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 77))
					p := &pairProperty{
						pairModel: newPairModel(), rand: r, interval: interval, retain: seed%2 == 1 && interval == 0,
						disk: newMemDisk(rand.New(rand.NewPCG(seed, 78))),
					}
					for range rounds {
						p.round(t)
					}
				})
			})
		}
	}
}

type pairProperty struct {
	*pairModel
	rand       *rand.Rand
	interval   time.Duration
	retain     bool
	disk       *memDisk
	powerCut   bool
	lastEnding string // how the ledger was ended last
}

// open opens the ledger, with faults if it succeeds with them.
func (p *pairProperty) open(t *testing.T) (*memDir, *Ledger, *Pairs, *OpenPairs) {
	opts := []Option{WithSegmentSize(MinSegmentSize), WithSyncInterval(p.interval)}
	if p.retain {
		opts = append(opts, WithRetention(0, 0))
	}
	c, err := newConfig(opts)
	require.NoError(t, err)
	kinds := []faultKind{"", faultNoEffect, faultShort, faultAfterEffect, faultBurst, faultFull, faultPowerCut}
	var f *faults
	if kind := kinds[p.rand.IntN(len(kinds))]; kind != "" {
		f = &faults{kind: kind, at: 1 + p.rand.IntN(250)}
	}
	for attempt := 0; ; attempt++ {
		dir := p.disk.open(f)
		l, err := open(dir, c)
		if err == nil {
			var pairs *Pairs
			var found *OpenPairs
			if pairs, found, err = l.TrackPairs(classifySign); err == nil {
				return dir, l, pairs, found
			}
			_ = l.Close()
		}
		require.NotErrorAs(t, err, new(*CorruptError))
		require.Less(t, attempt, 10, err)
		if cutPower(f) || failedSync(f) {
			p.disk, p.powerCut = p.disk.powerCut(), true
		}
		if attempt > 5 {
			f = nil
		}
	}
}

func (p *pairProperty) round(t *testing.T) {
	dir, l, pairs, found := p.open(t)
	require.Empty(t, found.Damage)
	if p.interval > 0 && p.powerCut {
		p.dropLost(p.stored(t))
	}
	p.powerCut = false
	open, err := p.check(found.Entries)
	if err != nil {
		dir.kill()
		_ = l.Close() // ends its goroutines
		t.Fatalf("%v; the ledger has %v; last ending: %s", err, p.stored(t), p.lastEnding)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	killAt := p.rand.IntN(300)
	step := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.events++; p.events == killAt {
			dir.kill()
			cancel()
		}
	}
	p.events = 0
	for _, n := range open {
		p.end(ctx, l, n)
		step()
	}
	var wg sync.WaitGroup
	for range 3 {
		plan := rand.New(rand.NewPCG(p.rand.Uint64(), 1))
		wg.Go(func() {
			var mine []int
			for range 60 {
				switch plan.IntN(5) {
				case 0:
					if n, ok := p.begin(ctx, pairs, plan.IntN(300)); ok {
						mine = append(mine, n)
					}
				case 1:
					if len(mine) > 0 && plan.IntN(4) > 0 {
						p.end(ctx, l, mine[0])
						mine = mine[1:]
					}
				case 2:
					if plan.IntN(10) == 0 { // enough to become idle
						for range 40 {
							_, _ = l.Append(ctx, bytes.Repeat([]byte("x"), 2_000))
						}
					}
				default:
					_, _ = l.Append(ctx, bytes.Repeat([]byte("x"), plan.IntN(1_000)))
				}
				step()
			}
		})
	}
	wg.Wait()
	p.finish(dir, l)
}

// finish ends the ledger.
func (p *pairProperty) finish(dir *memDir, l *Ledger) {
	how := p.rand.IntN(3)
	if how == 0 {
		_ = l.Close() // may fail because of the fault
	}
	dir.kill()
	_ = l.Close()
	if how == 1 || cutPower(dir.faults) || failedSync(dir.faults) {
		p.disk, p.powerCut = p.disk.powerCut(), true
	}
	p.lastEnding = fmt.Sprintf("faults %+v, close %v, power cut %v", dir.faults, how == 0, p.powerCut)
}

// cutPower reports whether the fault cut the power.
func cutPower(f *faults) bool {
	if f == nil || f.kind != faultPowerCut {
		return false
	}
	_, hit := f.hitOperation()
	return hit
}

// failedSync reports whether the fault was a failed sync, or may have been. The system
// may show data that it failed to write until it restarts, so the next process would
// take that data for stored. The tests cut the power before that.
func failedSync(f *faults) bool {
	if f == nil {
		return false
	}
	op, hit := f.hitOperation()
	return hit && (op.kind == opSync || f.kind == faultBurst)
}

// stored returns the signs and numbers of the entries in the ledger.
func (p *pairProperty) stored(t *testing.T) map[string]bool {
	has := map[string]bool{}
	for _, e := range readMem(t, p.disk) {
		sign, _, _ := strings.Cut(e, " ")
		has[sign] = true
	}
	return has
}
