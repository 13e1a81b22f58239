package canonical

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/sanitize"
	"go.opentelemetry.io/otel/attribute"
)

// object appends attributes as an object. Their values are inside depth arrays and
// maps.
func (w *Writer) object(b []byte, kvs []attribute.KeyValue, depth int) []byte {
	if len(kvs) == 0 {
		return append(b, "{}"...)
	}
	sorted := inMemberOrder(kvs)
	if !sorted { // or sorted by UTF-8, which differs from UTF-16
		kvs = slices.Clone(kvs)
		slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return compareMembers(string(a.Key), string(b.Key)) })
	}
	b = append(b, '{')
	for i := range kvs {
		kv := &kvs[i]
		if !sorted && i > 0 && kv.Key == kvs[i-1].Key {
			w.Fail(b, keyRepeated)
		}
		if kv.Value.Type() == attribute.STRING {
			b = w.stringMember(b, string(kv.Key), kv.Value.AsString())
			continue
		}
		b = w.String(b, string(kv.Key), ':')
		b = w.value(b, &kv.Value, depth)
	}
	b[len(b)-1] = '}'
	return b
}

const keyRepeated = "a key occurs more than once"

// inMemberOrder reports whether the keys ascend, without repetition.
func inMemberOrder(kvs []attribute.KeyValue) bool {
	for i := 1; i < len(kvs); i++ {
		a, b := string(kvs[i-1].Key), string(kvs[i].Key)
		if a != "" && b != "" && a[0] < b[0] && b[0] < utf8.RuneSelf {
			continue // as most do
		}
		if compareMembers(a, b) >= 0 {
			return false
		}
	}
	return true
}

// compareMembers compares names in the order of RFC 8785, by UTF-16 code units. That is
// the order of their UTF-8 bytes, with one exception: characters above U+FFFF, whose
// first byte is 0xf0 or greater, are written with surrogates from 0xd800 in UTF-16, and
// so precede U+E000 to U+FFFF, whose first byte is 0xee or 0xef.
func compareMembers(a, b string) int {
	i := commonPrefix(a, b)
	if i == len(a) || i == len(b) {
		return cmp.Compare(len(a), len(b))
	}
	if a[i] >= 0xee && b[i] >= 0xee && (a[i] >= 0xf0) != (b[i] >= 0xf0) {
		return cmp.Compare(b[i], a[i])
	}
	return cmp.Compare(a[i], b[i])
}

func commonPrefix(a, b string) int {
	i, n := 0, min(len(a), len(b))
	for ; n-i >= 8; i += 8 {
		if differ := sanitize.Load8(a[i:]) ^ sanitize.Load8(b[i:]); differ != 0 {
			return i + bits.TrailingZeros64(differ)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// fewMembers is the number of members that are collected on the stack.
const fewMembers = 16

// object reads an object of attributes and returns them sorted by key. Their values
// are inside depth arrays and maps.
func (r *Reader) object(depth int) []attribute.KeyValue {
	var room [fewMembers]attribute.KeyValue
	kvs, sorted, start := room[:0], true, r.pos
	for more := r.Open('{', '}'); more; more = r.Next('}') {
		key := attribute.Key(r.key())
		if n := len(kvs); n > 0 && key <= kvs[n-1].Key {
			sorted = false
		}
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: r.value(depth)})
	}
	read := make([]attribute.KeyValue, len(kvs))
	copy(read, kvs)
	if !sorted {
		r.sort(read, start)
	}
	return read
}

// sort sorts the attributes of the object that began at start.
func (r *Reader) sort(kvs []attribute.KeyValue, start int) {
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	for i := 1; i < len(kvs); i++ {
		if kvs[i].Key == kvs[i-1].Key {
			r.Fail(secondMember(r.text, start, string(kvs[i].Key)), keyRepeated)
			return
		}
	}
}

// secondMember returns the offset of the second member with the name in the object
// that began at start.
func secondMember(text string, start int, name string) int {
	r := Reader{text: text, pos: start}
	at, found := start, 0
	for more := r.Open('{', '}'); more && found < 2; more = r.Next('}') {
		at = r.pos
		if r.key() == name {
			found++
		}
		r.pos = endOfValue(text, r.pos)
	}
	return at
}
