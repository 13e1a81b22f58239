// Package recent has a map of limited size.
package recent

import "slices"

// Map is a map that forgets its oldest entries, so that the scope of a job over a million
// objects stays small. It keeps between Limit and twice as many. The zero Map is empty.
//
// Most scopes see one or two entries, which need no map, and the first no allocation. A Map
// must not be copied after its first use.
type Map[K comparable, V any] struct {
	room    [1]entry[K, V]
	few     []entry[K, V]
	current map[K]V
	older   map[K]V
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Limit is how many entries a Map keeps at least.
const Limit = 5000

const fewEntries = 8 // searched one by one

// Get returns the value of a key.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	for i := range m.few {
		if m.few[i].key == key {
			return m.few[i].value, true
		}
	}
	if value, ok = m.current[key]; ok {
		return value, true
	}
	value, ok = m.older[key]
	return value, ok
}

// Contains reports whether match returns true for a key.
func (m *Map[K, V]) Contains(match func(K) bool) bool {
	if slices.ContainsFunc(m.few, func(e entry[K, V]) bool { return match(e.key) }) {
		return true
	}
	for _, entries := range [...]map[K]V{m.current, m.older} {
		for key := range entries {
			if match(key) {
				return true
			}
		}
	}
	return false
}

// Set adds an entry, or replaces its value.
func (m *Map[K, V]) Set(key K, value V) {
	for i := range m.few {
		if m.few[i].key == key {
			m.few[i].value = value
			return
		}
	}
	if m.few == nil {
		m.few = m.room[:0]
	}
	if len(m.few) < fewEntries {
		m.few = append(m.few, entry[K, V]{key, value})
		return
	}
	if _, ok := m.current[key]; !ok && (m.current == nil || len(m.current) >= Limit) {
		m.older, m.current = m.current, make(map[K]V)
	}
	m.current[key] = value
}
