package sdk

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// allocate returns a record with room for n metadata. For a common n it needs only one
// allocation.
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

// mergeMetadata merges the metadata of the event and of the scope, sorted by key. It uses
// the memory of room if that is large enough. If both have a key, the event's value
// counts, and the scope's value is added to overridden unless that has the key already.
// The event's metadata may have any order. The other arguments are sorted and shared, and
// are not changed.
func mergeMetadata(room, event, scope, overridden []attribute.KeyValue) (merged, allOverridden []attribute.KeyValue, err error) {
	var few [sorted.FewKeys]*attribute.KeyValue
	order := sorted.ByKey(few[:0], event)
	n := len(event) + len(scope)
	merged = slices.Grow(room, n)[:n]
	n = 0
	for i, kv := range order {
		if i > 0 && kv.Key == order[i-1].Key {
			return nil, nil, errDuplicateKey("metadata", string(kv.Key))
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

// override adds kv unless overridden has its key already: the first value cannot be
// forged. The result is a new slice.
func override(overridden []attribute.KeyValue, kv attribute.KeyValue) []attribute.KeyValue {
	at, found := sorted.FindKey(overridden, kv.Key)
	if found {
		return overridden
	}
	return slices.Insert(slices.Clip(overridden), at, kv)
}

func errDuplicateKey(parent, key string) error {
	return invalid(sanitize.FieldPath(parent, key), "the key occurs more than once; set it once")
}

// moveMarks returns the scope's marks for the merged metadata: the mark of a value that
// the event overrides moves from metadata to overridden.
func moveMarks(marks []record.Mark, event []attribute.KeyValue) []record.Mark {
	var moved record.Record
	for _, m := range marks {
		key, ok := strings.CutPrefix(m.Path, "metadata.")
		if ok && slices.ContainsFunc(event, func(kv attribute.KeyValue) bool { return string(kv.Key) == key }) {
			m.Path = "overridden." + key
		}
		moved.AddMark(m)
	}
	return moved.Marks
}
