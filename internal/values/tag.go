package values

import (
	"reflect"
	"strings"
)

// tagKey is the key of the struct tags that opt fields in.
const tagKey = "audit"

// LookupTag returns the audit tag of a struct field. malformed reports that the
// field has none but was meant to, as in `audit:title`: the text "audit:" begins a
// key outside of quotes.
func LookupTag(tag reflect.StructTag) (text string, found, malformed bool) {
	text, found = tag.Lookup(tagKey)
	return text, found, !found && isMalformed(tag)
}

func isMalformed(tag reflect.StructTag) bool {
	before, _, found := strings.Cut(string(tag), tagKey+":")
	return found && strings.Count(before, `"`)%2 == 0 &&
		(before == "" || strings.ContainsRune(" ,;\t\"", rune(before[len(before)-1])))
}

// hasTags reports whether a struct or one that it embeds has a field with an audit
// tag, well-formed or not. visited ends recursive embedding.
func hasTags(t reflect.Type, visited map[reflect.Type]bool) bool {
	for f := range t.Fields() {
		text, found, malformed := LookupTag(f.Tag)
		if found && text != "-" || malformed {
			return true
		}
		inner, embedded := EmbeddedStruct(f)
		if found || !embedded || visited[inner] {
			continue
		}
		if visited == nil {
			visited = make(map[reflect.Type]bool)
		}
		visited[inner] = true
		if hasTags(inner, visited) {
			return true
		}
	}
	return false
}

// EmbeddedStruct returns the type of the struct that f embeds, by value or by
// pointer.
func EmbeddedStruct(f reflect.StructField) (t reflect.Type, ok bool) {
	t = f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, f.Anonymous && t.Kind() == reflect.Struct
}
