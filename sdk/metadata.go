package sdk

import (
	"cmp"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// allocate returns a record with room for n metadata, in one allocation where n
// is common.
func allocate(n int) *Record {
	switch {
	case n == 0:
		return new(Record)
	case n <= 6:
		r := new(struct {
			Record
			room [6]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	case n <= 12:
		r := new(struct {
			Record
			room [12]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	}
	r := new(Record)
	r.Metadata = make([]attribute.KeyValue, 0, n)
	return r
}

// mergeMetadata puts the event's metadata and the scope's together, sorted by key,
// in room if it is large enough. Where both have a key the event's value is taken,
// and the scope's is put to those overridden, unless an earlier one is there
// already. The event's are in any order; all others are sorted, shared and not
// changed.
func mergeMetadata(room, event, scope, overridden []attribute.KeyValue) (merged, replaced []attribute.KeyValue, err error) {
	var few [fewKeys]*attribute.KeyValue
	order := inOrder(few[:0], event)
	n := len(event) + len(scope)
	merged = slices.Grow(room, n)[:n]
	n = 0
	for i, kv := range order {
		if i > 0 && kv.Key == order[i-1].Key {
			return nil, nil, errKeyTwice("metadata", string(kv.Key))
		}
		for len(scope) > 0 && less(scope[0].Key, kv.Key) {
			merged[n] = scope[0]
			n++
			scope = scope[1:]
		}
		if len(scope) > 0 && scope[0].Key == kv.Key {
			if scope[0].Value != kv.Value {
				overridden = override(overridden, scope[0])
			}
			scope = scope[1:]
		}
		merged[n] = *kv
		n++
	}
	n += copy(merged[n:], scope)
	return merged[:n], overridden, nil
}

// fewKeys is up to which number inserting is faster than sorting.
const fewKeys = 16

// inOrder appends kvs, by key, to order. kvs stay as they are: they are the
// caller's.
func inOrder(order []*attribute.KeyValue, kvs []attribute.KeyValue) []*attribute.KeyValue {
	for i := range kvs {
		kv := &kvs[i]
		order = append(order, kv)
		if len(kvs) > fewKeys {
			continue
		}
		at := i
		for ; at > 0 && less(kv.Key, order[at-1].Key); at-- {
			order[at] = order[at-1]
		}
		order[at] = kv
	}
	if len(kvs) > fewKeys {
		slices.SortFunc(order, func(a, b *attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	}
	return order
}

// less is a < b. Most keys differ in their first character already.
func less(a, b attribute.Key) bool {
	if len(a) > 0 && len(b) > 0 && a[0] != b[0] {
		return a[0] < b[0]
	}
	return a < b
}

// override adds kv unless a value of its key was overridden before: the first is
// the one that nobody could have forged. The result is a new slice.
func override(overridden []attribute.KeyValue, kv attribute.KeyValue) []attribute.KeyValue {
	at, found := findKey(overridden, kv.Key)
	if found {
		return overridden
	}
	return slices.Insert(slices.Clip(overridden), at, kv)
}

func errKeyTwice(parent, key string) error {
	return invalid(fieldPath(parent, key), "the key is stated more than once; state it once")
}

func byKey(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) }

func findKey(kvs []attribute.KeyValue, key attribute.Key) (int, bool) {
	return slices.BinarySearchFunc(kvs, key, func(kv attribute.KeyValue, key attribute.Key) int {
		return cmp.Compare(kv.Key, key)
	})
}

// remark moves the scope's marks to where the event's metadata moved the values:
// among those overridden.
func remark(marked []string, event []attribute.KeyValue) []string {
	marked = slices.Clone(marked)
	for _, kv := range event {
		if at, found := slices.BinarySearch(marked, "metadata."+string(kv.Key)); found {
			marked = slices.Delete(marked, at, at+1)
			marked = insertPath(marked, "overridden."+string(kv.Key))
		}
	}
	return marked
}

// maxFieldKey is how much of a key an error shows.
const maxFieldKey = 64

// fieldPath names a field for errors and marks. A key that is no plain name is
// not shown, because it may hold anything.
func fieldPath(parent, key string) string {
	if key == "" || len(key) > maxFieldKey {
		return parent + "[" + strconv.Itoa(len(key)) + " bytes]"
	}
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' {
			return parent + "[" + strconv.Itoa(len(key)) + " bytes]"
		}
	}
	return parent + "." + key
}
