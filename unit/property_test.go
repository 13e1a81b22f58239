package unit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/require"
)

// model says what the records of a unit must be: the end of each target, or "" if there must
// be none or a failure.
type model struct {
	parts [][]string // targets, of the run and of its open savepoints
	ends  map[string]string
}

func (m *model) track(target string) {
	last := len(m.parts) - 1
	m.parts[last] = append(m.parts[last], target)
}

// pop ends the innermost part with an end, or gives its targets to the part around it.
func (m *model) pop(end string) {
	last := len(m.parts) - 1
	targets := m.parts[last]
	m.parts = m.parts[:last]
	if end == "" && last > 0 {
		m.parts[last-1] = append(m.parts[last-1], targets...)
		return
	}
	for _, t := range targets {
		m.ends[t] = end
	}
}

// popAll ends all parts.
func (m *model) popAll(end string) {
	for len(m.parts) > 0 {
		m.pop(end)
	}
}

// TestOrders tests random orders of tracks, savepoints, reruns and ends against a model.
func TestOrders(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := newFixture(t)
		u := f.begin(unit.WithLimit(rng.IntN(6)))
		m := &model{ends: map[string]string{}}
		var contexts []context.Context
		var savepoints []*unit.Savepoint
		var steps []string
		start := func() {
			m.popAll("")
			for target := range m.ends { // what the earlier run did is discarded, or is a failure
				m.ends[target] = ""
			}
			contexts, savepoints = []context.Context{u.Start(f.ctx)}, nil
			m.parts = [][]string{nil}
		}
		start()
		for n := range 3 + rng.IntN(25) {
			last := len(contexts) - 1
			switch step := rng.IntN(14); {
			case step < 8:
				target := fmt.Sprint("t", n)
				events := [][]audit.Event{{update(target)}, {write(target)}, {update(target), write(target)}, {write(target), update(target)}}[rng.IntN(4)]
				f.track(contexts[last], events...)
				m.track(target)
				steps = append(steps, target)
			case step < 10:
				ctx, s, err := unit.NewSavepoint(contexts[last])
				require.NoError(t, err)
				contexts, savepoints = append(contexts, ctx), append(savepoints, s)
				m.parts = append(m.parts, nil)
				steps = append(steps, "savepoint")
			case step < 13 && last > 0:
				released := rng.IntN(2) == 0
				if released {
					require.NoError(t, savepoints[last-1].Release())
					m.pop("")
				} else {
					require.NoError(t, savepoints[last-1].Rollback())
					m.pop("failure (rolled_back)")
				}
				contexts, savepoints = contexts[:last], savepoints[:last-1]
				steps = append(steps, fmt.Sprint("released ", released))
			case step == 13:
				start()
				steps = append(steps, "rerun")
			}
		}
		switch rng.IntN(3) {
		case 0:
			require.NoError(t, u.Commit())
			m.popAll("success")
		case 1:
			require.NoError(t, u.Rollback(nil))
			m.popAll("failure (rolled_back)")
		default:
			require.NoError(t, u.Unknown(nil))
			m.popAll("unknown (unknown)")
		}
		checkEnds(t, seed, steps, m, f.lines())
	}
}

// checkEnds checks that each target has its end once.
func checkEnds(t *testing.T, seed uint64, steps []string, m *model, lines []string) {
	t.Helper()
	got := map[string]string{}
	for _, line := range lines {
		words := strings.SplitN(line, " ", 3)
		if words[0] == "unit.commit" || words[2] == "begins" {
			continue
		}
		require.Empty(t, got[words[1]], "seed %d: %s has two records after %v: %v", seed, words[1], steps, lines)
		got[words[1]] = words[2]
	}
	for target, want := range m.ends {
		if want == "" {
			require.True(t, got[target] == "" || strings.HasPrefix(got[target], "failure"), "seed %d: %s of a discarded run is %q", seed, target, got[target])
			continue
		}
		require.Equal(t, want, got[target], "seed %d: %s after %v: %v", seed, target, steps, lines)
	}
}

// TestConcurrentTrack tests events that are tracked while the unit ends: each is recorded
// once.
func TestConcurrentTrack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		u := f.begin(unit.WithLimit(10))
		ctx := u.Start(f.ctx)
		inner, s, err := unit.NewSavepoint(ctx)
		require.NoError(t, err)
		const each = 50
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range each {
					c := ctx
					if i%2 == 0 {
						c = inner
					}
					f.track(c, update(fmt.Sprintf("%d-%d", g, i)))
				}
			})
		}
		wg.Go(func() { require.NoError(t, s.Release()) })
		wg.Go(func() { require.NoError(t, u.Commit()) })
		wg.Wait()
		seen := map[string]int{}
		for _, line := range f.lines() {
			if strings.HasSuffix(line, " success") {
				seen[line]++
			}
		}
		require.Len(t, seen, 4*each+1)
		for line, n := range seen {
			require.Equal(t, 1, n, line)
		}
	})
}
