package auditrepo

import (
	"math/big"
	"reflect"

	"github.com/opendeed/audit/internal/values"
)

// copier makes deep copies of what a diff may compare. It preserves aliasing and cycles.
type copier struct {
	all    bool // copy every exported field of structs with audit tags, not only tagged ones
	copies map[reference]reflect.Value
}

// reference identifies what a pointer, map or slice refers to.
type reference struct {
	typ  reflect.Type
	addr uintptr
	len  int // for slices
}

func (c *copier) copy(v reflect.Value) reflect.Value {
	if isPlain(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return v
		}
		return c.copyOnce(v)
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type()).Elem()
		copied.Set(c.copy(v.Elem()))
		return copied
	case reflect.Array:
		copied := reflect.New(v.Type()).Elem()
		for i := range v.Len() {
			copied.Index(i).Set(c.copy(v.Index(i)))
		}
		return copied
	case reflect.Struct:
		copied := reflect.New(v.Type()).Elem()
		c.copyStruct(copied, v)
		return copied
	default:
		return v // funcs and channels cannot be copied
	}
}

// copyOnce copies what v refers to. The same reference always yields the same copy.
func (c *copier) copyOnce(v reflect.Value) reflect.Value {
	ref := reference{typ: v.Type(), addr: v.Pointer()}
	if v.Kind() == reflect.Slice {
		ref.len = v.Len()
	}
	if copied, ok := c.copies[ref]; ok {
		return copied
	}
	if c.copies == nil {
		c.copies = make(map[reference]reflect.Value)
	}
	var copied reflect.Value
	switch v.Kind() {
	case reflect.Pointer:
		copied = reflect.New(v.Type().Elem())
		if copied.Type() != v.Type() {
			copied = copied.Convert(v.Type()) // a named pointer type
		}
		c.copies[ref] = copied
		if v.Elem().Kind() == reflect.Struct && !isPlain(v.Type().Elem()) {
			c.copyStruct(copied.Elem(), v.Elem())
		} else {
			copied.Elem().Set(c.copy(v.Elem()))
		}
	case reflect.Map:
		copied = reflect.MakeMapWithSize(v.Type(), v.Len())
		c.copies[ref] = copied
		for entries := v.MapRange(); entries.Next(); {
			copied.SetMapIndex(entries.Key(), c.copy(entries.Value()))
		}
	default:
		copied = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		c.copies[ref] = copied
		if isPlain(v.Type().Elem()) {
			reflect.Copy(copied, v)
			break
		}
		for i := range v.Len() {
			copied.Index(i).Set(c.copy(v.Index(i)))
		}
	}
	return copied
}

// copyStruct copies only the fields that a diff may compare if the struct has audit
// tags, so that locks and other untagged fields are not touched. A diff may compare all
// of a struct without tags.
func (c *copier) copyStruct(to, from reflect.Value) {
	if copyNumber(to, from) {
		return
	}
	traits := traitsOf(from.Type())
	if !traits.tagged || traits.embedsHidden {
		to.Set(from)
	}
	c.copyFields(to, from, traits.tagged)
}

func (c *copier) copyFields(to, from reflect.Value, byTag bool) {
	t := from.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous && !f.IsExported():
			if f.Type.Kind() == reflect.Struct {
				c.copyFields(to.Field(i), from.Field(i), byTag)
			}
		case f.IsExported() && (!byTag || c.included(f)):
			to.Field(i).Set(c.copy(from.Field(i)))
		}
	}
}

// included reports whether a diff may compare an exported field of a struct with tags.
func (c *copier) included(f reflect.StructField) bool {
	_, found, _ := values.LookupTag(f.Tag)
	return found || f.Anonymous || c.all
}

// copyNumber copies a number of math/big, whose digits are not exported. It reports whether
// from is one.
func copyNumber(to, from reflect.Value) bool {
	if !to.CanAddr() || !to.Addr().CanInterface() || !from.CanInterface() {
		return false
	}
	switch copied := to.Addr().Interface().(type) {
	case *big.Int:
		number, _ := reflect.TypeAssert[big.Int](from)
		copied.Set(&number)
	case *big.Float:
		number, _ := reflect.TypeAssert[big.Float](from)
		copied.Copy(&number)
	case *big.Rat:
		number, _ := reflect.TypeAssert[big.Rat](from)
		copied.Set(&number)
	default:
		return false
	}
	return true
}
