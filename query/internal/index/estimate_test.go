package index

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomPlaces returns a set of some of n places, in one of both forms, and its members.
func randomPlaces(rng *rand.Rand, n int) (*Places, []bool) {
	has := make([]bool, n)
	share := rng.IntN(4)
	p := Collect(n, func(add func(from, to int)) {
		for place := 0; place < n; place++ {
			if rng.IntN(4) < share {
				to := min(n, place+1+rng.IntN(20)*rng.IntN(2))
				add(place, to)
				for ; place < to; place++ {
					has[place] = true
				}
			}
		}
	})
	if rng.IntN(2) == 0 {
		return p, has
	}
	list := &Places{n: p.n}
	p.Range(0, n, func(place int) { list.list = append(list.list, uint32(place)) })
	return list, has
}

func requirePlaces(t *testing.T, want []bool, got *Places) {
	t.Helper()
	has := make([]bool, len(want))
	got.Range(0, len(want), func(place int) { has[place] = true })
	require.Equal(t, want, has)
	require.Equal(t, len(slices.DeleteFunc(slices.Clone(want), func(has bool) bool { return !has })), got.Len())
}

// TestPlaces compares what sets of places return with what lists of booleans do.
func TestPlaces(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		n := 1 + rng.IntN(300)
		p, inP := randomPlaces(rng, n)
		q, inQ := randomPlaces(rng, n)
		requirePlaces(t, inP, p)
		requirePlaces(t, inP, p.Dense(n))
		minus, both := make([]bool, n), 0
		for i := range n {
			minus[i] = inP[i] && !inQ[i]
			if inP[i] && inQ[i] {
				both++
			}
			require.Equal(t, inP[i], p.contains(i))
		}
		requirePlaces(t, minus, p.Minus(q))
		require.Equal(t, both, p.AndLen(q))
		from := rng.IntN(n + 1)
		to := from + rng.IntN(n+1-from)
		count := 0
		p.Range(from, to, func(int) { count++ })
		require.Equal(t, count, p.CountIn(from, to))
	}
}

// TestEstimate compares estimates of conditions with what is true of each place.
func TestEstimate(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 10))
	for range 300 {
		n := 1 + rng.IntN(100)
		all, valid := randomPlaces(rng, n)
		guess := func() (Estimate, []bool) { // what is true is not known of some places
			_, truth := randomPlaces(rng, n)
			for i := range truth {
				truth[i] = truth[i] && valid[i]
			}
			_, open := randomPlaces(rng, n)
			set := func(has func(i int) bool) *Places {
				return Collect(n, func(add func(from, to int)) {
					for i := range n {
						if has(i) {
							add(i, i+1)
						}
					}
				})
			}
			return Estimate{
				Sure: set(func(i int) bool { return truth[i] && !open[i] }), Maybe: set(func(i int) bool { return valid[i] && open[i] }),
			}, truth
		}
		a, inA := guess()
		b, inB := guess()
		doubted, _ := randomPlaces(rng, n)
		check := func(e Estimate, truth func(i int) bool) {
			t.Helper()
			require.Zero(t, e.Sure.AndLen(e.Maybe))
			for i := range n {
				if valid[i] {
					require.True(t, !e.Sure.contains(i) || truth(i), "sure, and wrong")
					require.True(t, e.Sure.contains(i) || e.Maybe.contains(i) || !truth(i), "left out")
				}
			}
		}
		check(a.And(b, n), func(i int) bool { return inA[i] && inB[i] })
		check(a.Or(b, n), func(i int) bool { return inA[i] || inB[i] })
		check(a.Not(all), func(i int) bool { return !inA[i] })
		check(a.Doubt(doubted, n), func(i int) bool { return inA[i] })
	}
}
