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

// pairModel knows what was told about pairs.
type pairModel struct {
	mu      sync.Mutex
	made    int
	begun   map[int]bool // acknowledged
	refused map[int]bool // for sure
	ended   map[int]bool // acknowledged
	ending  map[int]bool // perhaps
	closed  map[int]int  // how often it was closed because it was found open
	events  int
}

func newPairModel() *pairModel {
	return &pairModel{begun: map[int]bool{}, refused: map[int]bool{}, ended: map[int]bool{}, ending: map[int]bool{}, closed: map[int]int{}}
}

// begin opens a pair, and reports whether it is acknowledged.
func (m *pairModel) begin(ctx context.Context, p *Pairs, size int) (n int, ok bool) {
	m.mu.Lock()
	m.made++
	n = m.made
	m.mu.Unlock()
	_, err := p.Append(ctx, fmt.Appendf(nil, "+%d %s", n, strings.Repeat("b", size)))
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.begun[n] = true
	case !errors.Is(err, ErrMaybeStored):
		m.refused[n] = true
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

// check compares what was found open with what was told. A pair that was closed for
// having been found open counts as ended.
func (m *pairModel) check(open []Entry) ([]int, error) {
	found := map[int]bool{}
	var all []int
	for _, e := range open {
		var n int
		if _, err := fmt.Sscanf(string(e.Data), "+%d ", &n); err != nil {
			return nil, err
		}
		if found[n] || m.ended[n] || m.refused[n] {
			return nil, fmt.Errorf("pair %d is open: twice %v, ended %v, refused %v", n, found[n], m.ended[n], m.refused[n])
		}
		found[n] = true
		all = append(all, n)
	}
	for n := range m.begun {
		if !found[n] && !m.ended[n] && !m.ending[n] {
			return nil, fmt.Errorf("pair %d was acknowledged, is not ended and was not found open", n)
		}
	}
	return all, nil
}

// lost notes that a relaxed ledger, opened anew after a power cut, has these pairs.
func (m *pairModel) lost(has map[string]bool) {
	maps.DeleteFunc(m.begun, func(n int, _ bool) bool { return !has[fmt.Sprintf("+%d", n)] })
	maps.DeleteFunc(m.ended, func(n int, _ bool) bool { return !has[fmt.Sprintf("-%d", n)] })
}

// TestPairsProperty has several goroutines open and close pairs, ends the ledger in
// any way, with faults and without, and looks what the next process finds open: it
// closes that, and may be ended meanwhile.
func TestPairsProperty(t *testing.T) {
	t.Parallel()
	seeds, rounds := uint64(40), 12
	if testing.Short() {
		seeds = 6
	}
	for _, interval := range []time.Duration{0, 20 * time.Millisecond} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%v, seed %d", interval, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 77))
					p := &pairProperty{
						pairModel: newPairModel(), rand: r, interval: interval, retain: seed%2 == 1 && interval == 0,
						disk: newDisk(rand.New(rand.NewPCG(seed, 78))),
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
	rand     *rand.Rand
	interval time.Duration
	retain   bool
	disk     *disk
	cut      bool
	before   string // how the ledger was ended
}

// open opens the ledger, with the faults if it can be.
func (p *pairProperty) open(t *testing.T) (*memDir, *Ledger, *Pairs, *PairsFound) {
	opts := []Option{WithSegmentSize(MinSegmentSize), WithSyncInterval(p.interval)}
	if p.retain {
		opts = append(opts, WithRetention(0, 0))
	}
	c, err := newConfig(opts)
	require.NoError(t, err)
	kinds := []faultKind{"", faultWithout, faultShort, faultAfter, faultBurst, faultFull, faultPowerCut}
	var f *faults
	if kind := kinds[p.rand.IntN(len(kinds))]; kind != "" {
		f = &faults{kind: kind, at: 1 + p.rand.IntN(250)}
	}
	for attempt := 0; ; attempt++ {
		dir := p.disk.open(f)
		l, err := open(dir, c)
		if err == nil {
			var pairs *Pairs
			var found *PairsFound
			if pairs, found, err = l.Pairs(tellSign); err == nil {
				return dir, l, pairs, found
			}
			_ = l.Close()
		}
		require.NotErrorAs(t, err, new(*CorruptError))
		require.Less(t, attempt, 10, err)
		if cutPower(f) || failedSync(f) {
			p.disk, p.cut = p.disk.powerCut(), true
		}
		if attempt > 5 {
			f = nil
		}
	}
}

func (p *pairProperty) round(t *testing.T) {
	dir, l, pairs, found := p.open(t)
	require.Empty(t, found.Damage)
	if p.interval > 0 && p.cut {
		p.lost(p.stored(t))
	}
	p.cut = false
	open, err := p.check(found.Open)
	if err != nil {
		dir.kill()
		_ = l.Close() // so that its goroutines end
		t.Fatalf("%v; the ledger has %v; before that: %s", err, p.stored(t), p.before)
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
					if plan.IntN(10) == 0 { // long enough for it to become idle
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
		_ = l.Close() // may fail for the fault
	}
	dir.kill()
	_ = l.Close()
	if how == 1 || cutPower(dir.faults) || failedSync(dir.faults) {
		p.disk, p.cut = p.disk.powerCut(), true
	}
	p.before = fmt.Sprintf("faults %+v, close %v, power cut %v", dir.faults, how == 0, p.cut)
}

// cutPower reports whether the fault has cut the power.
func cutPower(f *faults) bool {
	if f == nil || f.kind != faultPowerCut {
		return false
	}
	_, met := f.metOne()
	return met
}

// failedSync reports whether the fault was a sync that failed, or may have been. A
// system may show what it has forgotten to write then, for as long as it runs, so that
// the next process takes it for written. The power is cut before that.
func failedSync(f *faults) bool {
	if f == nil {
		return false
	}
	op, met := f.metOne()
	return met && (op.kind == opSync || f.kind == faultBurst)
}

// stored returns the signs and numbers of the entries that are there.
func (p *pairProperty) stored(t *testing.T) map[string]bool {
	has := map[string]bool{}
	for _, e := range readMemory(t, p.disk) {
		sign, _, _ := strings.Cut(e, " ")
		has[sign] = true
	}
	return has
}
