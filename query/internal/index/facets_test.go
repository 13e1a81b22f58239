package index

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFacetsKept: of many values, those with most records are kept, in their order.
func TestFacetsKept(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(61, 62))
	for _, n := range []int{1, maxFacet, maxFacet + 1, 3000} {
		var f facets
		var want []FacetValue
		for i := range n {
			v := f.value(Tenant, []byte(strconv.Itoa(i)))
			v.Count = 1 + rng.Uint64N(100)
			want = append(want, *v)
		}
		slices.SortFunc(want, func(a, b FacetValue) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) })
		if n > maxFacet {
			want = want[:maxActive]
		}
		kept := f.sorted()
		require.Len(t, kept, 1)
		assert.Equal(t, want, kept[0].Values)
		assert.Equal(t, n <= maxFacet, kept[0].Complete)
	}
}
