package sorted

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// Merge returns old with added put in, sorted by key, and overridden with
// the values that were replaced by different ones. The first value of a key stays in
// overridden however often it is replaced. It changes none of its arguments, which
// records and scopes share. Whoever chooses the keys cannot make it slow.
func Merge(old, overridden, added []attribute.KeyValue) (merged, replaced []attribute.KeyValue) {
	if len(old) == 0 && ascending(added) {
		return slices.Clip(added), overridden // made for these options alone
	}
	order := added
	if !ascending(added) {
		order = stable(added)
	}
	merged = make([]attribute.KeyValue, 0, len(old)+len(order))
	var changed []attribute.KeyValue // what was replaced
	for len(order) > 0 {
		first, values := order[0], order[:repeated(order)]
		order = order[len(values):]
		for len(old) > 0 && Less(old[0].Key, first.Key) {
			merged, old = append(merged, old[0]), old[1:]
		}
		if len(old) > 0 && old[0].Key == first.Key {
			first, old = old[0], old[1:]
		}
		merged = append(merged, values[len(values)-1])
		if slices.ContainsFunc(values, func(kv attribute.KeyValue) bool { return kv.Value != first.Value }) {
			changed = append(changed, first)
		}
	}
	return append(merged, old...), union(overridden, changed)
}

// stable returns kvs sorted by key. Equal keys stay in their order. It is faster than
// slices.SortStableFunc, which moves the elements more often.
func stable(kvs []attribute.KeyValue) []attribute.KeyValue {
	order := make([]int, len(kvs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(kvs[i].Key, kvs[j].Key), cmp.Compare(i, j)) })
	sorted := make([]attribute.KeyValue, len(kvs))
	for to, from := range order {
		sorted[to] = kvs[from]
	}
	return sorted
}

// repeated returns how often the first key occurs in a sorted list.
func repeated(kvs []attribute.KeyValue) int {
	n := 1
	for n < len(kvs) && kvs[n].Key == kvs[0].Key {
		n++
	}
	return n
}

// union returns the values of two sorted lists without repeated keys. Of a key that both
// have, the value in kvs counts.
func union(kvs, added []attribute.KeyValue) []attribute.KeyValue {
	if len(added) == 0 {
		return kvs
	}
	all := make([]attribute.KeyValue, 0, len(kvs)+len(added))
	for _, kv := range added {
		for len(kvs) > 0 && Less(kvs[0].Key, kv.Key) {
			all, kvs = append(all, kvs[0]), kvs[1:]
		}
		if len(kvs) == 0 || kvs[0].Key != kv.Key {
			all = append(all, kv)
		}
	}
	return append(all, kvs...)
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
