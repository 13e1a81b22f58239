// Package sorted sorts and searches attributes by key, and adds to sorted lists of paths.
package sorted

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// FewKeys is the number of attributes up to which insertion is faster than sorting.
const FewKeys = 16

// ByKey appends pointers to the elements of kvs to order, which must be empty, sorted by
// key. The order of equal keys is unspecified. It does not change kvs.
func ByKey(order []*attribute.KeyValue, kvs []attribute.KeyValue) []*attribute.KeyValue {
	for i := range kvs {
		kv := &kvs[i]
		order = append(order, kv)
		if len(kvs) > FewKeys {
			continue
		}
		at := i
		for ; at > 0 && Less(kv.Key, order[at-1].Key); at-- {
			order[at] = order[at-1]
		}
		order[at] = kv
	}
	if len(kvs) > FewKeys {
		slices.SortFunc(order, func(a, b *attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	}
	return order
}

// Less reports whether a < b. It is fast for keys that differ in their first byte.
func Less(a, b attribute.Key) bool {
	if len(a) > 0 && len(b) > 0 && a[0] != b[0] {
		return a[0] < b[0]
	}
	return a < b
}

// CompareKeys compares the keys of two attributes, like cmp.Compare.
func CompareKeys(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) }

// FindKey returns the index of key in kvs, which must be sorted by key, or the index where
// it would be inserted.
func FindKey(kvs []attribute.KeyValue, key attribute.Key) (index int, found bool) {
	return slices.BinarySearchFunc(kvs, key, func(kv attribute.KeyValue, key attribute.Key) int {
		return cmp.Compare(kv.Key, key)
	})
}

// Insert returns paths, which must be sorted, with path added unless it is there already.
// It does not change paths, because scopes and records may share them.
func Insert(paths []string, path string) []string {
	at, found := slices.BinarySearch(paths, path)
	if found {
		return paths
	}
	return slices.Insert(slices.Clip(paths), at, path)
}
