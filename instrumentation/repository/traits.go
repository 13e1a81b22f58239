package auditrepo

import (
	"reflect"
	"sync"
	"time"
)

// traits is what matters of a type when its values are copied.
type traits struct {
	plain  bool // values share nothing with their copies
	tagged bool // a struct with an audit tag, counting those of embedded structs
	hiding bool // a struct that embeds a pointer which cannot be set
}

var (
	knownTraits sync.Map // reflect.Type → traits
	typeTime    = reflect.TypeFor[time.Time]()
)

func traitsOf(t reflect.Type) traits {
	if known, ok := knownTraits.Load(t); ok {
		is, _ := known.(traits)
		return is
	}
	is := traits{plain: findPlain(t)}
	if t.Kind() == reflect.Struct {
		is.tagged, is.hiding = anyField(t, hasTag, nil), anyField(t, isHidden, nil)
	}
	knownTraits.Store(t, is)
	return is
}

func isPlain(t reflect.Type) bool { return traitsOf(t).plain }

// findPlain ends, because a type contains itself behind a pointer, map or slice only.
func findPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Struct:
		if t == typeTime {
			return true // what it refers to never changes
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
	text, ok := f.Tag.Lookup("audit")
	return ok && text != "-"
}

func isHidden(f reflect.StructField) bool {
	return f.Anonymous && !f.IsExported() && f.Type.Kind() == reflect.Pointer
}

// anyField looks for a field, also in embedded structs. seen ends recursive embedding.
func anyField(t reflect.Type, is func(reflect.StructField) bool, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	if seen == nil {
		seen = make(map[reflect.Type]bool)
	}
	seen[t] = true
	for f := range t.Fields() {
		if is(f) {
			return true
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && inner.Kind() == reflect.Struct && anyField(inner, is, seen) {
			return true
		}
	}
	return false
}

// uncopyable returns a struct that copyStruct cannot copy, as far as types tell: one
// with tags that embeds a pointer which cannot be set.
func uncopyable(t reflect.Type, all bool, seen map[reflect.Type]bool) string {
	if seen[t] {
		return ""
	}
	if seen == nil {
		seen = make(map[reflect.Type]bool)
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return uncopyable(t.Elem(), all, seen)
	case reflect.Struct:
		is := traitsOf(t)
		if is.hiding && is.tagged {
			return t.String()
		}
		c := copier{all: all}
		for f := range t.Fields() {
			if !f.IsExported() && !f.Anonymous || is.tagged && !c.looksAt(f) {
				continue
			}
			if name := uncopyable(f.Type, all, seen); name != "" {
				return name
			}
		}
	default:
	}
	return ""
}
