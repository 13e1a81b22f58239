package redact

import (
	"math/bits"
	"strings"
	"sync/atomic"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/policy"
)

// keyDecision is what is to be done with the value of a key.
type keyDecision struct {
	allowed  bool
	leaks    bool      // the key is a secret itself
	strategy *Strategy // nil: only what is inside is looked at
}

// keyDecisions remembers what was decided for keys, which are few and come again
// and again. It has a fixed number of places, so that keys made of data cannot fill
// the memory; two keys that share a place are decided anew in turn.
type keyDecisions [1024]atomic.Pointer[knownKey]

// knownKey is never changed.
type knownKey struct {
	key      string
	decision keyDecision
}

// maxKnownKey is the length of the longest key that is remembered.
const maxKnownKey = 128

func (d *Redactor) decide(key string) keyDecision {
	place := &d.keys[placeOf(key)%uint64(len(d.keys))]
	if known := place.Load(); known != nil && known.key == key {
		return known.decision
	}
	decision := d.decideAnew(key)
	if len(key) <= maxKnownKey {
		place.Store(&knownKey{strings.Clone(key), decision}) // key may be part of something large
	}
	return decision
}

// placeOf mixes the length, the first and the last eight bytes, which tell the keys
// of a program apart and cost less than a hash of all.
func placeOf(key string) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	h := uint64(len(key))
	if len(key) >= 8 {
		h ^= sanitize.Load8(key)*odd ^ bits.RotateLeft64(sanitize.Load8(key[len(key)-8:]), 31)
	} else {
		for i := range len(key) {
			h = h<<8 | uint64(key[i])
		}
	}
	return h * odd >> 48
}

func (d *Redactor) decideAnew(key string) keyDecision {
	if d.config.allowed[key] {
		return keyDecision{allowed: true}
	}
	_, leaks := d.clean(key, true)
	for i := range d.config.byKey {
		if policy.Match(d.config.byKey[i].pattern, key) {
			return keyDecision{leaks: leaks, strategy: &d.config.byKey[i].strategy}
		}
	}
	if d.words.MatchKey(key) {
		return keyDecision{leaks: leaks, strategy: &d.config.strategy}
	}
	return keyDecision{leaks: leaks}
}
