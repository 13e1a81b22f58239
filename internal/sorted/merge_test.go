package sorted_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit/internal/sorted"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

// TestMerge compares Merge with a map, in random order and with repeated keys.
func TestMerge(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() (kvs []attribute.KeyValue) {
		for range rng.IntN(8) {
			kvs = append(kvs, attribute.Int("k"+strconv.Itoa(rng.IntN(6)), rng.IntN(3)))
		}
		return kvs
	}
	for range 500 {
		var merged, overridden []attribute.KeyValue
		last, first := map[attribute.Key]attribute.Value{}, map[attribute.Key]attribute.Value{}
		for range 3 {
			added := random()
			given, mergedBefore, overriddenBefore := slices.Clone(added), merged, overridden
			mergedWas, overriddenWas := slices.Clone(merged), slices.Clone(overridden)
			merged, overridden = sorted.Merge(merged, overridden, added)
			for _, kv := range given {
				if old, ok := last[kv.Key]; ok && old != kv.Value {
					if _, ok := first[kv.Key]; !ok {
						first[kv.Key] = old
					}
				}
				last[kv.Key] = kv.Value
			}
			assert.Equal(t, given, added)
			assert.Equal(t, mergedWas, slices.Clone(mergedBefore))
			assert.Equal(t, overriddenWas, slices.Clone(overriddenBefore))
			assert.ElementsMatch(t, pairs(last), merged)
			assert.ElementsMatch(t, pairs(first), overridden)
			assert.True(t, slices.IsSortedFunc(merged, sorted.CompareKeys))
			assert.True(t, slices.IsSortedFunc(overridden, sorted.CompareKeys))
		}
	}
}

func pairs(values map[attribute.Key]attribute.Value) (kvs []attribute.KeyValue) {
	for key, value := range values {
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: value})
	}
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	return kvs
}

// TestMergeIsFast: a client that chooses 50,000 keys cannot keep a processor busy for minutes.
func TestMergeIsFast(t *testing.T) {
	t.Parallel()
	const n = 50_000
	kvs := func(value string) []attribute.KeyValue {
		list := make([]attribute.KeyValue, n)
		for i, key := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
			list[i] = attribute.String("k"+strconv.Itoa(key), value)
		}
		return list
	}
	start := time.Now()
	merged, overridden := sorted.Merge(nil, nil, kvs("a"))
	merged, overridden = sorted.Merge(merged, overridden, kvs("b"))
	assert.Len(t, merged, n)
	assert.Len(t, overridden, n)
	assert.Less(t, time.Since(start), time.Minute, "it takes a fraction of a second on an idle machine")
}
