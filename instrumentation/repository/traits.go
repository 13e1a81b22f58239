package auditrepo

import (
	"reflect"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/values"
)

// typeTraits describes how to copy values of a type.
type typeTraits struct {
	plain        bool // a copy by assignment shares nothing
	tagged       bool // a struct that has an audit tag, also in embedded structs
	embedsHidden bool // a struct that embeds a pointer to an unexported type, which reflection cannot set
}

var (
	knownTraits sync.Map // reflect.Type → typeTraits
	typeTime    = reflect.TypeFor[time.Time]()
)

func traitsOf(t reflect.Type) typeTraits {
	if known, ok := knownTraits.Load(t); ok {
		traits, _ := known.(typeTraits)
		return traits
	}
	traits := typeTraits{plain: findPlain(t)}
	if t.Kind() == reflect.Struct {
		traits.tagged, traits.embedsHidden = anyField(t, hasTag, nil), anyField(t, isHidden, nil)
	}
	knownTraits.Store(t, traits)
	return traits
}

func isPlain(t reflect.Type) bool { return traitsOf(t).plain }

// findPlain terminates, since a type can contain itself only through a pointer, map or
// slice.
func findPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Struct:
		if t == typeTime {
			return true // its Location never changes
		}
		for f := range t.Fields() {
			if !isPlain(f.Type) {
				return false
			}
		}
		return true
	default:
		return t.Kind() <= reflect.Complex128 || t.Kind() == reflect.String
	}
}

func hasTag(f reflect.StructField) bool {
	text, found, _ := values.LookupTag(f.Tag)
	return found && text != "-"
}

func isHidden(f reflect.StructField) bool {
	return f.Anonymous && !f.IsExported() && f.Type.Kind() == reflect.Pointer
}

// anyField reports whether a field of t or of its embedded structs matches. seen stops
// recursive embedding.
func anyField(t reflect.Type, matches func(reflect.StructField) bool, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	if seen == nil {
		seen = make(map[reflect.Type]bool)
	}
	seen[t] = true
	for f := range t.Fields() {
		if matches(f) {
			return true
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && inner.Kind() == reflect.Struct && anyField(inner, matches, seen) {
			return true
		}
	}
	return false
}

// findUncopyable returns the name of a struct within t that copyStruct cannot copy: one
// with tags that embeds a pointer to an unexported type. It returns "" if it finds none;
// it does not know the types inside interfaces.
func findUncopyable(t reflect.Type, all bool, seen map[reflect.Type]bool) string {
	if seen[t] {
		return ""
	}
	if seen == nil {
		seen = make(map[reflect.Type]bool)
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findUncopyable(t.Elem(), all, seen)
	case reflect.Struct:
		traits := traitsOf(t)
		if traits.embedsHidden && traits.tagged {
			return t.String()
		}
		c := copier{all: all}
		for f := range t.Fields() {
			if !f.IsExported() && !f.Anonymous || traits.tagged && !c.included(f) {
				continue
			}
			if name := findUncopyable(f.Type, all, seen); name != "" {
				return name
			}
		}
	default:
	}
	return ""
}
