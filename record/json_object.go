package record

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/sanitize"
	"go.opentelemetry.io/otel/attribute"
)

// object writes attributes as an object. Their values stand inside depth arrays
// and maps.
func (w *jsonWriter) object(b []byte, kvs []attribute.KeyValue, depth int) []byte {
	if len(kvs) == 0 {
		return append(b, "{}"...)
	}
	inOrder := inMemberOrder(kvs)
	if !inOrder { // nobody sorted them, or Go sorts their keys otherwise
		kvs = slices.Clone(kvs)
		slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return compareMembers(string(a.Key), string(b.Key)) })
	}
	b = append(b, '{')
	for i := range kvs {
		kv := &kvs[i]
		if !inOrder && i > 0 && kv.Key == kvs[i-1].Key {
			w.fail(b, keyRepeated)
		}
		if kv.Value.Type() == attribute.STRING {
			b = w.member(b, string(kv.Key), kv.Value.AsString())
			continue
		}
		b = w.string(b, string(kv.Key), ':')
		b = w.value(b, &kv.Value, depth)
	}
	b[len(b)-1] = '}'
	return b
}

const keyRepeated = "a key is stated more than once"

// inMemberOrder reports whether the keys ascend, none twice.
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

// compareMembers compares names as RFC 8785 orders them, by units of UTF-16. That
// is the order of their bytes in UTF-8, except that characters beyond U+FFFF,
// which begin with a byte from 0xf0, are units from 0xd800 in UTF-16, and come
// before U+E000 to U+FFFF, which begin with 0xee and 0xef.
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

// fewMembers is for how many members there is room on the stack while they are
// read.
const fewMembers = 16

// object reads attributes from an object, sorted by key. Their values stand
// inside depth arrays and maps.
func (p *jsonReader) object(depth int) []attribute.KeyValue {
	var room [fewMembers]attribute.KeyValue
	kvs, sorted, start := room[:0], true, p.pos
	for more := p.open('{', '}'); more; more = p.next('}') {
		key := attribute.Key(p.key())
		if n := len(kvs); n > 0 && key <= kvs[n-1].Key {
			sorted = false
		}
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: p.value(depth)})
	}
	read := make([]attribute.KeyValue, len(kvs))
	copy(read, kvs)
	if !sorted {
		p.sort(read, start)
	}
	return read
}

// sort sorts the attributes of the object that begins at start.
func (p *jsonReader) sort(kvs []attribute.KeyValue, start int) {
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	for i := 1; i < len(kvs); i++ {
		if kvs[i].Key == kvs[i-1].Key {
			p.fail(secondMember(p.text, start, string(kvs[i].Key)), keyRepeated)
			return
		}
	}
}

// secondMember returns where the second member of the name begins, in the object
// that begins at start.
func secondMember(text string, start int, name string) int {
	p := jsonReader{text: text, pos: start}
	at, found := start, 0
	for more := p.open('{', '}'); more && found < 2; more = p.next('}') {
		at = p.pos
		if p.key() == name {
			found++
		}
		p.pos = endOfValue(text, p.pos)
	}
	return at
}
