package sorted

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// Merge returns old with added put in, sorted by key, and overridden with
// the values that were replaced by different ones. The first value of a key stays in
// overridden however often it is replaced. It changes none of its arguments, which
// records and scopes share.
func Merge(old, overridden, added []attribute.KeyValue) (merged, replaced []attribute.KeyValue) {
	if len(old) == 0 && ascending(added) {
		return slices.Clip(added), overridden // made for these options alone
	}
	merged = make([]attribute.KeyValue, len(old), len(old)+len(added))
	copy(merged, old)
	replaced = overridden
	for _, kv := range added {
		at, found := FindKey(merged, kv.Key)
		if !found {
			merged = slices.Insert(merged, at, kv)
			continue
		}
		if merged[at].Value == kv.Value {
			continue
		}
		if to, found := FindKey(replaced, kv.Key); !found {
			replaced = slices.Insert(slices.Clip(replaced), to, merged[at])
		}
		merged[at] = kv
	}
	return merged, replaced
}

// ascending reports whether kvs are sorted by key and have no duplicates.
func ascending(kvs []attribute.KeyValue) bool {
	for i := 1; i < len(kvs); i++ {
		if kvs[i-1].Key >= kvs[i].Key {
			return false
		}
	}
	return true
}
