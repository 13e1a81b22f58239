package audit

import "slices"

// recent is a set that forgets its oldest entries, so that the scope of a job over a
// million objects stays small. It keeps between recentLimit and twice as many. A
// forgotten entry costs at worst a record that says twice what happened: as an intent and
// as a signal.
//
// Most scopes see one or two entries, which need no map.
type recent[K comparable] struct {
	few     []K
	current map[K]struct{}
	older   map[K]struct{}
}

const (
	recentLimit = 5000
	fewEntries  = 8 // searched one by one
)

func (r *recent[K]) has(key K) bool {
	if slices.Contains(r.few, key) {
		return true
	}
	if _, ok := r.current[key]; ok {
		return true
	}
	_, ok := r.older[key]
	return ok
}

// contains reports whether match returns true for an entry.
func (r *recent[K]) contains(match func(K) bool) bool {
	if slices.ContainsFunc(r.few, match) {
		return true
	}
	for _, entries := range [...]map[K]struct{}{r.current, r.older} {
		for key := range entries {
			if match(key) {
				return true
			}
		}
	}
	return false
}

func (r *recent[K]) add(key K) {
	if r.has(key) {
		return
	}
	if len(r.few) < fewEntries {
		r.few = append(r.few, key)
		return
	}
	if r.current == nil || len(r.current) >= recentLimit {
		r.older, r.current = r.current, make(map[K]struct{})
	}
	r.current[key] = struct{}{}
}
