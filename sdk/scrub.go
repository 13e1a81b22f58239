package sdk

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// scrubber cleans the texts of a record, marks what it changed, and adds up what
// it saw.
type scrubber struct {
	record *Record
	size   int
}

// name cleans a text of one line.
func (s *scrubber) name(field string, text *string) {
	s.size += len(*text)
	if len(*text) <= MaxNameLength && plainText(*text) {
		return
	}
	clean := scrub(*text, isControl)
	if len(clean) > MaxNameLength {
		clean = cut(clean, MaxNameLength)
	}
	if clean != *text {
		s.size += len(clean) - len(*text)
		*text = clean
		s.record.mark(field)
	}
}

// prose cleans a text of any number of lines.
func (s *scrubber) prose(field string, text *string) {
	s.size += len(*text)
	if clean := cleanProse(*text); clean != *text {
		*text = clean
		s.record.mark(field)
	}
}

// metadata also sorts by key, which a processor may have left undone.
func (s *scrubber) metadata(parent string, kvs []attribute.KeyValue) error {
	size := s.size
	for i := range kvs {
		kv := &kvs[i]
		if i > 0 && !less(kvs[i-1].Key, kv.Key) {
			if kv.Key == kvs[i-1].Key {
				return errKeyTwice(parent, string(kv.Key))
			}
			slices.SortFunc(kvs, byKey)
			s.size = size // all are looked at again
			return s.metadata(parent, kvs)
		}
		if !goodKey(string(kv.Key)) {
			return errBadKey(parent, string(kv.Key))
		}
		s.size += len(kv.Key)
		if kv.Value.Type() == attribute.STRING {
			if text := kv.Value.AsString(); plainText(text) {
				s.size += len(text) // nearly always
				continue
			}
		}
		if err := s.value(parent, string(kv.Key), &kv.Value); err != nil {
			return err
		}
	}
	return nil
}

// value cleans the texts in v. The slices in a value are never changed in place,
// so that it may be shared; the one that holds it must not be.
func (s *scrubber) value(parent, key string, v *attribute.Value) error {
	if v.Type() == attribute.STRING {
		text := v.AsString()
		s.size += len(text)
		if clean := cleanProse(text); clean != text {
			*v = attribute.StringValue(clean)
			s.record.mark(fieldPath(parent, key))
		}
		return nil
	}
	clean, changed, err := s.compound(*v, 0)
	if err != nil {
		return invalid(fieldPath(parent, key), err.Error())
	}
	if changed {
		*v = clean
		s.record.mark(fieldPath(parent, key))
	}
	return nil
}

type nestingError string

func (e nestingError) Error() string { return string(e) }

const (
	errTooDeep   = nestingError("its values are nested too deeply")
	errNestedKey = nestingError("a key in it is empty, too long, stated twice or not plain text")
)

// compound cleans values of every kind.
func (s *scrubber) compound(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	if depth > MaxNesting {
		return v, false, errTooDeep
	}
	switch v.Type() {
	case attribute.STRING:
		text := v.AsString()
		s.size += len(text)
		if clean := cleanProse(text); clean != text {
			return attribute.StringValue(clean), true, nil
		}
		return v, false, nil
	case attribute.STRINGSLICE:
		clean, changed = s.texts(v)
		return clean, changed, nil
	case attribute.SLICE:
		return s.slice(v, depth)
	case attribute.MAP:
		return s.mapping(v, depth)
	case attribute.BYTESLICE:
		s.size += len(v.AsByteSlice())
	case attribute.BOOLSLICE:
		s.size += len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		s.size += 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		s.size += 8 * len(v.AsFloat64Slice())
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		s.size += 8
	case attribute.EMPTY:
	}
	return v, false, nil
}

func (s *scrubber) texts(v attribute.Value) (clean attribute.Value, changed bool) {
	texts := v.AsStringSlice()
	for i, text := range texts {
		s.size += len(text)
		texts[i] = cleanProse(text)
		changed = changed || texts[i] != text
	}
	if changed {
		v = attribute.StringSliceValue(texts)
	}
	return v, changed
}

func (s *scrubber) slice(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	values := v.AsSlice()
	for i := range values {
		c, ch, err := s.compound(values[i], depth+1)
		if err != nil {
			return v, false, err
		}
		values[i] = c
		changed = changed || ch
	}
	if changed {
		v = attribute.SliceValue(values...)
	}
	return v, changed, nil
}

func (s *scrubber) mapping(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	kvs := v.AsMap() // sorted
	for i := range kvs {
		if i > 0 && kvs[i].Key == kvs[i-1].Key || !goodKey(string(kvs[i].Key)) {
			return v, false, errNestedKey
		}
		s.size += len(kvs[i].Key)
		c, ch, err := s.compound(kvs[i].Value, depth+1)
		if err != nil {
			return v, false, err
		}
		kvs[i].Value = c
		changed = changed || ch
	}
	if changed {
		v = attribute.MapValue(kvs...)
	}
	return v, changed, nil
}

// plainText reports whether s is valid UTF-8 without control characters. Most
// text is printable ASCII, of which it looks at eight bytes at a time: after the
// subtraction a byte's high bit tells that it was below a space, after the
// addition that it was DEL, and the bytes' own high bits that they are not ASCII.
func plainText(s string) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	var bad uint64
	if len(s) >= 8 {
		for rest := s; len(rest) > 8; rest = rest[8:] {
			w := load8(rest)
			bad |= w | (w - ' '*ones) | (w + ones)
		}
		w := load8(s[len(s)-8:]) // the rest, and some bytes again
		bad |= w | (w - ' '*ones) | (w + ones)
	} else if len(s) >= 4 {
		w := load4(s) | load4(s[len(s)-4:])<<32
		bad = w | (w - ' '*ones) | (w + ones)
	} else {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= 0x7f {
				return plainUnicode(s)
			}
		}
	}
	return bad&highs == 0 || plainUnicode(s)
}

// load8 reads eight bytes; the compiler makes it one load.
func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// load4 reads four bytes.
func load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

func plainUnicode(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, isControl) < 0
}

func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }

// isStray reports whether r is a control character that no text of several lines
// needs.
func isStray(r rune) bool { return isControl(r) && r != '\t' && r != '\n' && r != '\r' }

// cleanProse replaces invalid bytes and stray control characters by U+FFFD.
func cleanProse(s string) string {
	if plainText(s) || utf8.ValidString(s) && strings.IndexFunc(s, isStray) < 0 {
		return s
	}
	return scrub(s, isStray)
}

func scrub(s string, bad func(rune) bool) string {
	return strings.Map(func(r rune) rune { // an invalid byte comes as U+FFFD
		if bad(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// cut shortens s to at most n bytes, at a character's end.
func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
