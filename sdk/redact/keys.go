package redact

import (
	"math/bits"
	"strings"
	"sync/atomic"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/secretwords"
	"github.com/opendeed/audit/policy"
)

// keyDecision says how to redact the value of a key.
type keyDecision struct {
	allowed  bool      // the value stays as it is
	leaks    bool      // the key itself contains a secret
	strategy *Strategy // for the whole value; if nil, the value is searched for secrets
}

// keyDecisions caches the decisions for keys, because a program uses few keys again and
// again. Its size is fixed, so keys that are made from data cannot fill the memory. Keys
// that share a slot replace each other.
type keyDecisions [1024]atomic.Pointer[cachedKey]

// cachedKey is immutable.
type cachedKey struct {
	ends     keyEnds
	key      string
	decision keyDecision
}

// maxCachedKey is the length of the longest key that is cached, in bytes.
const maxCachedKey = 128

// decide returns how to redact the value of a key.
func (d *Redactor) decide(key string) keyDecision {
	ends := endsOf(key)
	slot := &d.keys[ends.hash()%uint64(len(d.keys))]
	if cached := slot.Load(); cached != nil && cached.ends == ends && (len(key) <= wholeKey || cached.key == key) {
		return cached.decision
	}
	decision := d.decideUncached(key)
	if len(key) <= maxCachedKey {
		slot.Store(&cachedKey{ends, strings.Clone(key), decision}) // key may be part of a large string
	}
	return decision
}

// keyEnds is the length of a key, its first and its last eight bytes. They distinguish the
// keys of a program, and cost less than a hash of all bytes.
type keyEnds struct {
	length      int
	first, last uint64
}

// wholeKey is the length of the longest key that its ends tell from every other.
const wholeKey = 16

func endsOf(key string) keyEnds {
	if len(key) >= 8 {
		return keyEnds{len(key), sanitize.Load8(key), sanitize.Load8(key[len(key)-8:])}
	}
	var first uint64
	for i := range len(key) {
		first = first<<8 | uint64(key[i])
	}
	return keyEnds{len(key), first, 0}
}

// hash returns a number below 2^16.
func (e keyEnds) hash() uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	return (uint64(e.length) ^ e.first*odd ^ bits.RotateLeft64(e.last, 31)) * odd >> 48
}

func (d *Redactor) decideUncached(key string) keyDecision {
	if d.config.allowed[key] {
		return keyDecision{allowed: true}
	}
	_, leaks := d.clean(key, true)
	for i := range d.config.byKey {
		rule := &d.config.byKey[i]
		if !policy.Match(rule.pattern, key) {
			continue
		}
		if rule.strategy.sealer != nil && d.words.MatchKey(key) {
			break // a secret is never recorded, not even encrypted
		}
		return keyDecision{leaks: leaks, strategy: &rule.strategy}
	}
	if d.words.MatchKey(key) {
		return keyDecision{leaks: leaks, strategy: &d.config.strategy}
	}
	return keyDecision{leaks: leaks}
}

// nameStrengths caches how surely names in texts are those of secrets, like keyDecisions.
type nameStrengths [1024]atomic.Pointer[cachedName]

// cachedName is immutable.
type cachedName struct {
	name     string
	strength secretwords.Strength
}

// nameStrength returns how surely the name of a value in a text is that of a secret. Of a
// long one the end counts.
func (d *Redactor) nameStrength(name string) secretwords.Strength {
	if len(name) < shortestName {
		return secretwords.None
	}
	name = name[max(0, len(name)-maxCachedKey):]
	slot := &d.names[endsOf(name).hash()%uint64(len(d.names))]
	if cached := slot.Load(); cached != nil && cached.name == name {
		return cached.strength
	}
	strength := d.words.Match(name)
	slot.Store(&cachedName{strings.Clone(name), strength}) // name may be part of a large string
	return strength
}

// shortestName is the length of the shortest name, such as pw.
const shortestName = 2
