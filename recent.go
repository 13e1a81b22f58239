package audit

import "slices"

// recent is a map that forgets its oldest entries, so that the scope of a job over a
// million objects stays small. It keeps between recentLimit and twice as many. A
// forgotten entry costs at worst a record that says twice what happened: as an intent and
// as a signal.
//
// Most scopes see one or two entries, which need no map.
type recent[K comparable, V any] struct {
	few     []recentEntry[K, V]
	current map[K]V
	older   map[K]V
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
}

const (
	recentLimit = 5000
	fewEntries  = 8 // searched one by one
)

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	for i := range r.few {
		if r.few[i].key == key {
			return r.few[i].value, true
		}
	}
	if value, ok = r.current[key]; ok {
		return value, true
	}
	value, ok = r.older[key]
	return value, ok
}

// contains reports whether match returns true for a key.
func (r *recent[K, V]) contains(match func(K) bool) bool {
	if slices.ContainsFunc(r.few, func(e recentEntry[K, V]) bool { return match(e.key) }) {
		return true
	}
	for _, entries := range [...]map[K]V{r.current, r.older} {
		for key := range entries {
			if match(key) {
				return true
			}
		}
	}
	return false
}

// set adds an entry, or replaces its value.
func (r *recent[K, V]) set(key K, value V) {
	for i := range r.few {
		if r.few[i].key == key {
			r.few[i].value = value
			return
		}
	}
	if len(r.few) < fewEntries {
		r.few = append(r.few, recentEntry[K, V]{key, value})
		return
	}
	if _, ok := r.current[key]; !ok && (r.current == nil || len(r.current) >= recentLimit) {
		r.older, r.current = r.current, make(map[K]V)
	}
	r.current[key] = value
}
