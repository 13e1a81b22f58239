package audit

import (
	"slices"

	"github.com/opendeed/audit/internal/sorted"
	"go.opentelemetry.io/otel/attribute"
)

// mergeScopeMetadata returns old with added put in, sorted by key, and overridden with
// the values that were replaced by different ones. The first value of a key stays in
// overridden however often it is replaced. It changes none of its arguments, which
// records and inner scopes share.
func mergeScopeMetadata(old, overridden, added []attribute.KeyValue) (merged, replaced []attribute.KeyValue) {
	if len(old) == 0 && ascending(added) {
		return slices.Clip(added), overridden // made for these options alone
	}
	merged = make([]attribute.KeyValue, len(old), len(old)+len(added))
	copy(merged, old)
	replaced = overridden
	for _, kv := range added {
		at, found := sorted.FindKey(merged, kv.Key)
		if !found {
			merged = slices.Insert(merged, at, kv)
			continue
		}
		if merged[at].Value == kv.Value {
			continue
		}
		if to, found := sorted.FindKey(replaced, kv.Key); !found {
			replaced = slices.Insert(slices.Clip(replaced), to, merged[at])
		}
		merged[at] = kv
	}
	return merged, replaced
}

// isLong reports whether a text in v is longer than what is recorded of a client's text.
func isLong(v attribute.Value) bool {
	const maxClientText = 512 // record.MaxClientText
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString()) > maxClientText
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return false
	default:
		return true // the SDK looks into it
	}
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
