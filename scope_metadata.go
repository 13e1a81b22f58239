package audit

import (
	"slices"

	"github.com/opendeed/audit/internal/sanitize"
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

// cleanClientValue cleans text from a client and reports whether it had to change.
func cleanClientValue(v attribute.Value) (clean attribute.Value, changed bool) {
	switch v.Type() {
	case attribute.STRING:
		text := v.AsString()
		if clean := sanitize.Client(text); clean != text {
			return attribute.StringValue(clean), true
		}
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i, text := range texts {
			texts[i] = sanitize.Client(text)
			changed = changed || texts[i] != text
		}
		if changed {
			return attribute.StringSliceValue(texts), true
		}
	}
	return v, false
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
