package propagation

import (
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

const (
	// maxPayload is the size of the longest payload, in bytes: base64 has four for three.
	maxPayload = (MaxToken - 256) * 3 / 4
	// maxNames is more than what the payload has beside actor, tenant and metadata.
	maxNames = 1024
)

// shorten leaves out the largest metadata, and what is nested too deeply, until the payload
// has room in a token, so that no client keeps work from being passed on. If the actor has
// no room, it is left without names and roles. A part of a value is never left out: the rest
// may be half a secret, which nobody recognizes.
func (p *payload) shorten() {
	var r record.Record // collects the marks
	r.Marks = p.Marks
	cutChain(&r, &p.Actor)
	room := p.room()
	if room < 0 {
		leaveIdentity(&r, &p.Actor)
		room = p.room()
	}
	limit := longest(slices.Concat(p.Metadata, p.Overridden), room)
	keep := func(name string, kvs []attribute.KeyValue) []attribute.KeyValue {
		kept := slices.DeleteFunc(slices.Clone(kvs), func(kv attribute.KeyValue) bool { return size(kv) > limit })
		if dropped := len(kvs) - len(kept); dropped > 0 {
			r.AddMark(mark.Mark{Path: name, Kind: mark.Dropped, Count: int64(dropped)})
		}
		return kept
	}
	p.Metadata, p.Overridden = keep("metadata", p.Metadata), keep("overridden", p.Overridden)
	p.Marks = r.Marks
}

// room returns how many bytes of metadata there is room for.
func (p *payload) room() int {
	total := sanitize.Width(p.Tenant, sanitize.Line, MaxToken)
	for a := &p.Actor; a != nil; a = a.OnBehalfOf {
		total += maxActor + width(a.ID) + width(a.Name) + width(a.AuthMethod)
		for _, role := range a.Roles {
			total += width(role)
		}
	}
	return maxPayload - maxNames - total
}

// maxActor is more than what an actor has beside its texts.
const maxActor = 128

// cutChain leaves out the actors after the last one that a record can have.
func cutChain(r *record.Record, a *audit.Actor) {
	for range record.MaxDelegation {
		if a = a.OnBehalfOf; a == nil {
			return
		}
	}
	if a.OnBehalfOf != nil {
		a.OnBehalfOf = nil
		r.AddMark(mark.Mark{Path: sanitize.ActorPath(record.MaxDelegation, "on_behalf_of"), Kind: mark.Dropped})
	}
}

// leaveIdentity leaves of the actors what says who they are.
func leaveIdentity(r *record.Record, a *audit.Actor) {
	for depth := 0; a != nil; a, depth = a.OnBehalfOf, depth+1 {
		for name, text := range map[string]*string{"name": &a.Name, "auth_method": &a.AuthMethod} {
			if *text != "" {
				r.AddMark(mark.Mark{Path: sanitize.ActorPath(depth, name), Kind: mark.Unread, Length: int64(len(*text))})
				*text = ""
			}
		}
		if len(a.Roles) > 0 {
			r.AddMark(mark.Mark{Path: sanitize.ActorPath(depth, "roles"), Kind: mark.Dropped, Count: int64(len(a.Roles))})
			a.Roles = nil
		}
	}
}

// longest returns the size of the largest attribute for which there is room together with
// all that are not larger, or zero.
func longest(kvs []attribute.KeyValue, room int) int {
	sizes := make([]int, len(kvs))
	for i, kv := range kvs {
		sizes[i] = size(kv)
	}
	slices.Sort(sizes)
	limit, total := 0, 0
	for i, n := range sizes {
		total += n
		last := i+1 == len(sizes) || sizes[i+1] > n // of its size
		if last && total <= room {
			limit = n
		}
	}
	return limit
}

// size returns about how many bytes an attribute takes in a payload, at least.
func size(kv attribute.KeyValue) int {
	return width(string(kv.Key)) + valueSize(kv.Value, 0)
}

func width(text string) int {
	const quotes = 8
	return sanitize.Width(text, sanitize.Line, MaxToken) + quotes
}

// valueSize returns the size of a value that is inside depth slices and maps.
func valueSize(v attribute.Value, depth int) int {
	const number = 32
	if depth > record.MaxNesting {
		return MaxToken // more than there is room for
	}
	total := number
	switch v.Type() {
	case attribute.STRING:
		total += width(v.AsString())
	case attribute.STRINGSLICE:
		for _, text := range v.AsStringSlice() {
			total += width(text)
		}
	case attribute.BYTESLICE:
		total += 2 * len(v.AsByteSlice())
	case attribute.BOOLSLICE:
		total += number * len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		total += number * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		total += number * len(v.AsFloat64Slice())
	case attribute.SLICE:
		for _, e := range v.AsSlice() {
			total += valueSize(e, depth+1)
		}
	case attribute.MAP:
		for _, kv := range v.AsMap() {
			total += width(string(kv.Key)) + valueSize(kv.Value, depth+1)
		}
	default:
	}
	return total
}
