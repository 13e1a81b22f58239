// Package metadata merges metadata whose order matters, such as that of one event. Package
// sorted merges the sorted metadata of scopes.
package metadata

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// Replace returns kvs with those of added, which replace values of the same key, and the keys
// that were replaced. It does not change kvs.
func Replace(kvs, added []attribute.KeyValue) (merged []attribute.KeyValue, replaced []attribute.Key) {
	merged = slices.Clone(kvs)
	at := make(map[attribute.Key]int, len(kvs)+len(added))
	for i, kv := range kvs {
		at[kv.Key] = i
	}
	for _, kv := range added {
		i, known := at[kv.Key]
		if !known {
			at[kv.Key] = len(merged)
			merged = append(merged, kv)
			continue
		}
		merged[i] = kv
		replaced = append(replaced, kv.Key)
	}
	return merged, replaced
}

// WithDefaults returns kvs with the defaults whose keys it does not have. It does not change
// kvs.
func WithDefaults(kvs, defaults []attribute.KeyValue) []attribute.KeyValue {
	if len(kvs) == 0 || len(defaults) == 0 {
		return append(slices.Clip(kvs), defaults...)
	}
	has := make(map[attribute.Key]bool, len(kvs))
	for _, kv := range kvs {
		has[kv.Key] = true
	}
	kvs = slices.Clip(kvs)
	for _, kv := range defaults {
		if !has[kv.Key] {
			kvs = append(kvs, kv)
		}
	}
	return kvs
}
