package sdk

import (
	"slices"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// allocate returns a record with room for n metadata, in one allocation where n
// is common.
func allocate(n int) *record.Record {
	switch {
	case n == 0:
		return new(record.Record)
	case n <= 6:
		r := new(struct {
			record.Record
			room [6]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	case n <= 12:
		r := new(struct {
			record.Record
			room [12]attribute.KeyValue
		})
		r.Metadata = r.room[:0]
		return &r.Record
	}
	r := new(record.Record)
	r.Metadata = make([]attribute.KeyValue, 0, n)
	return r
}

// mergeMetadata puts the event's metadata and the scope's together, sorted by key,
// in room if it is large enough. Where both have a key the event's value is taken,
// and the scope's is put to those overridden, unless an earlier one is there
// already. The event's are in any order; all others are sorted, shared and not
// changed.
func mergeMetadata(room, event, scope, overridden []attribute.KeyValue) (merged, replaced []attribute.KeyValue, err error) {
	var few [sorted.FewKeys]*attribute.KeyValue
	order := sorted.ByKey(few[:0], event)
	n := len(event) + len(scope)
	merged = slices.Grow(room, n)[:n]
	n = 0
	for i, kv := range order {
		if i > 0 && kv.Key == order[i-1].Key {
			return nil, nil, errKeyTwice("metadata", string(kv.Key))
		}
		for len(scope) > 0 && sorted.Less(scope[0].Key, kv.Key) {
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

// override adds kv unless a value of its key was overridden before: the first is
// the one that nobody could have forged. The result is a new slice.
func override(overridden []attribute.KeyValue, kv attribute.KeyValue) []attribute.KeyValue {
	at, found := sorted.FindKey(overridden, kv.Key)
	if found {
		return overridden
	}
	return slices.Insert(slices.Clip(overridden), at, kv)
}

func errKeyTwice(parent, key string) error {
	return invalid(sanitize.FieldPath(parent, key), "the key is stated more than once; state it once")
}

// remark moves the scope's marks to where the event's metadata moved the values:
// among those overridden.
func remark(marked []string, event []attribute.KeyValue) []string {
	marked = slices.Clone(marked)
	for _, kv := range event {
		if at, found := slices.BinarySearch(marked, "metadata."+string(kv.Key)); found {
			marked = slices.Delete(marked, at, at+1)
			marked = sorted.Insert(marked, "overridden."+string(kv.Key))
		}
	}
	return marked
}
