package audit

import (
	"cmp"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxContextNesting is how many arrays and maps may be nested in one another, as in
// the JSON of records.
const maxContextNesting = 64

// contextWriter writes canonical JSON: that of records, which package sdk has.
// docs/record-format.md says how values are written. Every member ends in a comma,
// of which the last becomes the bracket.
type contextWriter struct {
	b   []byte
	err error // the first
}

func (w *contextWriter) fail(field, reason string) {
	if w.err == nil {
		w.err = &ValidationError{Field: field, Reason: reason}
	}
}

// end ends an object.
func (w *contextWriter) end() {
	if last := len(w.b) - 1; w.b[last] == ',' {
		w.b = w.b[:last]
	}
	w.b = append(w.b, '}')
}

func (w *contextWriter) name(name string) {
	w.string(name)
	w.b = append(w.b, ':')
}

// text writes a member, unless it is empty.
func (w *contextWriter) text(name, text string) {
	if text != "" {
		w.name(name)
		w.string(text)
		w.b = append(w.b, ',')
	}
}

func (w *contextWriter) number(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
	w.b = append(w.b, ',')
}

func (w *contextWriter) texts(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	w.name(name)
	list(w, texts, w.string)
	w.b = append(w.b, ',')
}

func (w *contextWriter) actor(a *Actor) {
	w.b = append(w.b, '{')
	w.text("auth_method", a.AuthMethod)
	w.text("id", a.ID)
	w.text("name", a.Name)
	if a.OnBehalfOf != nil {
		w.name("on_behalf_of")
		w.actor(a.OnBehalfOf)
		w.b = append(w.b, ',')
	}
	w.texts("roles", a.Roles)
	w.text("session_id", a.sessionFingerprint())
	w.text("type", a.Type.String())
	w.end()
}

func (w *contextWriter) attributes(name string, kvs []attribute.KeyValue) {
	if len(kvs) == 0 {
		return
	}
	w.name(name)
	w.object(name, kvs, 0)
	w.b = append(w.b, ',')
}

// object writes attributes, whose values stand inside depth arrays and maps. An
// error names the field, and not the keys, which may hold anything.
func (w *contextWriter) object(field string, kvs []attribute.KeyValue, depth int) {
	kvs = slices.Clone(kvs)
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return compareNames(string(a.Key), string(b.Key)) })
	w.b = append(w.b, '{')
	for i, kv := range kvs {
		key := string(kv.Key)
		if key == "" || len(key) > maxContextKey || !isPlain(key) || i > 0 && kv.Key == kvs[i-1].Key {
			w.fail(field, "a key in it is empty, too long, stated twice or not plain text")
			return
		}
		w.name(key)
		w.value(field, kv.Value, depth)
		w.b = append(w.b, ',')
	}
	w.end()
}

// compareNames compares names as RFC 8785 orders them, by units of UTF-16: the
// order of their bytes, except that characters beyond U+FFFF, which begin with a
// byte from 0xf0, come before U+E000 to U+FFFF, which begin with 0xee or 0xef.
func compareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		if a[i] >= 0xee && b[i] >= 0xee && (a[i] >= 0xf0) != (b[i] >= 0xf0) {
			return cmp.Compare(b[i], a[i])
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}

func (w *contextWriter) value(field string, v attribute.Value, depth int) {
	if depth == maxContextNesting && v.Type() > attribute.STRING && v.Type() != attribute.BYTESLICE {
		w.fail(field, "its values are nested too deeply")
		return
	}
	inside := func(v attribute.Value) { w.value(field, v, depth+1) }
	switch v.Type() {
	case attribute.EMPTY:
		w.b = append(w.b, "null"...)
	case attribute.BOOL:
		w.bool(v.AsBool())
	case attribute.INT64:
		w.int(v.AsInt64())
	case attribute.FLOAT64:
		w.float(v.AsFloat64())
	case attribute.STRING:
		w.string(v.AsString())
	case attribute.BYTESLICE:
		w.mark("$b", base64.StdEncoding.EncodeToString(v.AsByteSlice()))
	case attribute.BOOLSLICE:
		typedList(w, "bool", v.AsBoolSlice(), w.bool)
	case attribute.INT64SLICE:
		typedList(w, "int64", v.AsInt64Slice(), w.int)
	case attribute.FLOAT64SLICE:
		typedList(w, "float64", v.AsFloat64Slice(), w.float)
	case attribute.STRINGSLICE:
		typedList(w, "string", v.AsStringSlice(), w.string)
	case attribute.SLICE:
		elements := v.AsSlice()
		looksTyped := values.List(elements).Type() != attribute.SLICE
		if looksTyped {
			w.b = append(w.b, `{"$a":`...)
		}
		list(w, elements, inside)
		if looksTyped {
			w.b = append(w.b, '}')
		}
	case attribute.MAP:
		kvs := v.AsMap()
		looksMarked := len(kvs) == 1 && strings.HasPrefix(string(kvs[0].Key), "$")
		if looksMarked {
			w.b = append(w.b, `{"$m":`...)
		}
		w.object(field, kvs, depth+1)
		if looksMarked {
			w.b = append(w.b, '}')
		}
	default:
		w.fail(field, "a value in it is of an unknown type")
	}
}

// list writes an array.
func list[T any](w *contextWriter, elements []T, element func(T)) {
	w.b = append(w.b, '[')
	for i, e := range elements {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		element(e)
	}
	w.b = append(w.b, ']')
}

// typedList writes an array whose elements tell its type, if there are any.
func typedList[T any](w *contextWriter, name string, elements []T, element func(T)) {
	if len(elements) == 0 {
		w.mark("$e", name)
		return
	}
	list(w, elements, element)
}

// mark writes an object that stands for what plain JSON cannot tell from another.
func (w *contextWriter) mark(mark, text string) {
	w.b = append(w.b, '{')
	w.name(mark)
	w.string(text)
	w.end()
}

func (w *contextWriter) bool(v bool) { w.b = strconv.AppendBool(w.b, v) }

func (w *contextWriter) int(i int64) {
	const maxPlain = 1<<53 - 1 // what readers that have only doubles can hold
	if i < -maxPlain || i > maxPlain {
		w.mark("$i", strconv.FormatInt(i, 10))
		return
	}
	w.b = strconv.AppendInt(w.b, i, 10)
}

func (w *contextWriter) float(f float64) {
	text := formatFloat(f)
	if strings.ContainsAny(text, ".e") {
		w.b = append(w.b, text...)
		return
	}
	w.mark("$f", text) // it looks like an integer, or is no number in JSON
}

// formatFloat writes f as ECMAScript does.
func formatFloat(f float64) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs == 0 || 1e-6 <= abs && abs < 1e21:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	if n := len(text); text[n-4] == 'e' && text[n-2] == '0' { // Go writes e-07
		text = text[:n-2] + text[n-1:]
	}
	return text
}

// string writes a string with the escapes of RFC 8785 and no others.
func (w *contextWriter) string(s string) {
	if !utf8.ValidString(s) {
		w.fail("context", "a text in it is not valid UTF-8")
		return
	}
	w.b = append(w.b, '"')
	for i := range len(s) {
		c := s[i]
		if short := strings.IndexByte("\b\t\n\f\r\"\\", c); short >= 0 {
			w.b = append(w.b, '\\', `btnfr"\`[short])
		} else if c < ' ' {
			const digits = "0123456789abcdef"
			w.b = append(w.b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		} else {
			w.b = append(w.b, c)
		}
	}
	w.b = append(w.b, '"')
}
