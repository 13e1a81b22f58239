// Package sorted keeps attributes and paths in order.
package sorted

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// FewKeys is the number of attributes up to which insertion beats sorting.
const FewKeys = 16

// ByKey appends pointers to kvs to order, sorted by key. It does not change kvs.
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

// Less reports whether a < b. Most keys differ in their first byte.
func Less(a, b attribute.Key) bool {
	if len(a) > 0 && len(b) > 0 && a[0] != b[0] {
		return a[0] < b[0]
	}
	return a < b
}

// CompareKeys compares the keys of two attributes.
func CompareKeys(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) }

// FindKey returns the index of key in kvs, which are sorted by key, or where it would
// be inserted.
func FindKey(kvs []attribute.KeyValue, key attribute.Key) (int, bool) {
	return slices.BinarySearchFunc(kvs, key, func(kv attribute.KeyValue, key attribute.Key) int {
		return cmp.Compare(kv.Key, key)
	})
}

// Insert adds path to paths, which are sorted and stay free of duplicates. It copies
// paths before it changes them, since scopes and records may share them.
func Insert(paths []string, path string) []string {
	at, found := slices.BinarySearch(paths, path)
	if found {
		return paths
	}
	return slices.Insert(slices.Clip(paths), at, path)
}
