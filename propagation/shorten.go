package propagation

import (
	"slices"

	"github.com/opendeed/audit/internal/canonical"
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
// has room in a token, so that no client keeps work from being passed on. A part of a value
// is never left out: the rest may be half a secret, which nobody recognizes.
func (p *payload) shorten() {
	var w canonical.Writer
	room := maxPayload - maxNames - len(w.Actor(nil, &p.Actor)) - sanitize.Width(p.Tenant, sanitize.Line, MaxToken)
	limit := longest(slices.Concat(p.Metadata, p.Overridden), room)
	var r record.Record // collects the marks
	r.Marks = p.Marks
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
