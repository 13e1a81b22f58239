package auditrepo

import "reflect"

// copier copies a value: what a diff may look at, at any depth. It keeps the values of
// one graph apart and together as they were, cycles too.
type copier struct {
	all  bool // of structs with audit tags every exported field, not those with a tag only
	made map[reference]reflect.Value
}

// reference identifies what a pointer, map or slice refers to.
type reference struct {
	typ  reflect.Type
	addr uintptr
	len  int // of a slice
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
		held := reflect.New(v.Type()).Elem()
		held.Set(c.copy(v.Elem()))
		return held
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
		return v // funcs and channels have no copies
	}
}

// copyOnce copies what v refers to. What was met before is the same copy.
func (c *copier) copyOnce(v reflect.Value) reflect.Value {
	ref := reference{typ: v.Type(), addr: v.Pointer()}
	if v.Kind() == reflect.Slice {
		ref.len = v.Len()
	}
	if made, ok := c.made[ref]; ok {
		return made
	}
	if c.made == nil {
		c.made = make(map[reference]reflect.Value)
	}
	var copied reflect.Value
	switch v.Kind() {
	case reflect.Pointer:
		copied = reflect.New(v.Type().Elem())
		if copied.Type() != v.Type() {
			copied = copied.Convert(v.Type()) // of a named pointer type
		}
		c.made[ref] = copied
		if v.Elem().Kind() == reflect.Struct && !isPlain(v.Type().Elem()) {
			c.copyStruct(copied.Elem(), v.Elem())
		} else {
			copied.Elem().Set(c.copy(v.Elem()))
		}
	case reflect.Map:
		copied = reflect.MakeMapWithSize(v.Type(), v.Len())
		c.made[ref] = copied
		for entries := v.MapRange(); entries.Next(); {
			copied.SetMapIndex(entries.Key(), c.copy(entries.Value()))
		}
	default:
		copied = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		c.made[ref] = copied
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

// copyStruct copies field by field where tags say what a diff looks at, so that locks
// and what else stands beside is not touched. Without tags a diff may compare all of a
// struct.
func (c *copier) copyStruct(to, from reflect.Value) {
	is := traitsOf(from.Type())
	if !is.tagged || is.hiding {
		to.Set(from)
	}
	c.copyFields(to, from, is.tagged)
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
		case f.IsExported() && (!byTag || c.looksAt(f)):
			to.Field(i).Set(c.copy(from.Field(i)))
		}
	}
}

// looksAt reports whether a diff may look at an exported field of a struct with tags.
func (c *copier) looksAt(f reflect.StructField) bool {
	_, ok := f.Tag.Lookup("audit")
	return ok || f.Anonymous || c.all
}
