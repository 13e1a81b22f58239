package records

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// givenMetadata is the metadata of an event and of its scope. The scope's is sorted and
// shared, and is not changed; the event's may have any order.
type givenMetadata struct {
	event, scope []attribute.KeyValue
	marks        []mark.Mark
}

// limit keeps the first metadata, at most n: the scope's before the event's, but no more
// than half of the scope's if there is not room for all. It reads all of the event's keys,
// but keeps no more than n of them.
func (g *givenMetadata) limit(n int) {
	if len(g.event)+len(g.scope) <= n {
		return
	}
	dropped := g.unique(max(n-len(g.scope), n/2))
	if room := n - len(g.event); len(g.scope) > room {
		dropped += len(g.scope) - room
		g.scope = g.scope[:room]
	}
	if dropped > 0 {
		g.marks = append(g.marks, mark.Mark{Path: "metadata", Kind: mark.Dropped, Count: int64(dropped)})
	}
}

// unique keeps the first n keys of the event, each with its last value, and returns the
// number of values with other keys.
func (g *givenMetadata) unique(n int) (dropped int) {
	n = min(n, len(g.event))
	kept, at := make([]attribute.KeyValue, 0, n), make(map[attribute.Key]int, n)
	repeated := map[attribute.Key]bool{}
	for _, kv := range g.event {
		i, known := at[kv.Key]
		switch {
		case known:
			kept[i] = kv
			repeated[kv.Key] = true
		case len(kept) < n:
			at[kv.Key] = len(kept)
			kept = append(kept, kv)
		default:
			dropped++
		}
	}
	g.event = kept
	for key := range repeated {
		g.marks = append(g.marks, mark.Mark{Path: sanitize.FieldPath("metadata", string(key)), Kind: mark.Repeated})
	}
	return dropped
}

// merge merges the metadata, sorted by key. It uses the memory of room if that is large
// enough. If both have a key, the event's value counts, and the scope's value is added to
// overridden unless that has the key already. overridden is shared and not changed.
func (g *givenMetadata) merge(room, overridden []attribute.KeyValue) (merged, allOverridden []attribute.KeyValue) {
	var few [sorted.FewKeys]*attribute.KeyValue
	order := sorted.ByKey(few[:0], g.event)
	scope := g.scope
	n := len(g.event) + len(scope)
	merged = slices.Grow(room, n)[:n]
	n = 0
	for i, kv := range order {
		if i > 0 && kv.Key == order[i-1].Key {
			g.unique(len(g.event)) // of a repeated key the last value counts
			return g.merge(room, overridden)
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
	return merged[:n], overridden
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

// moveMarks returns the scope's marks for the merged metadata: the mark of a value that
// the event overrides moves from metadata to overridden.
func moveMarks(marks []mark.Mark, event []attribute.KeyValue) []mark.Mark {
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
