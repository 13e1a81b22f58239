package audit

import "slices"

// recentLimit is how many entries a recent set keeps at least; it keeps twice as
// many at most.
const recentLimit = 5000

// recent is a set that forgets its oldest entries, so that a scope around a job
// of a million objects stays small. What is forgotten is recorded twice at
// worst: as an intent and as a signal.
//
// Most scopes see one or two entries, which are kept without a map.
type recent[K comparable] struct {
	few  []K
	now  map[K]struct{}
	then map[K]struct{}
}

// fewEntries is how many entries are looked through one by one.
const fewEntries = 8

func (r *recent[K]) has(key K) bool {
	if slices.Contains(r.few, key) {
		return true
	}
	if _, ok := r.now[key]; ok {
		return true
	}
	_, ok := r.then[key]
	return ok
}

func (r *recent[K]) add(key K) {
	if r.has(key) {
		return
	}
	if len(r.few) < fewEntries {
		r.few = append(r.few, key)
		return
	}
	if r.now == nil || len(r.now) >= recentLimit {
		r.then, r.now = r.now, make(map[K]struct{})
	}
	r.now[key] = struct{}{}
}
