package values

import (
	"reflect"
	"sync"
)

var equalMethods sync.Map // reflect.Type → bool: EqualByMethod calls its method

// EqualByMethod calls the method Equal of a with b, which has the same type. Equal has one
// parameter, to which the type or a pointer to it can be assigned, and returns a bool. It
// reports false if the type has no such method, or if the method panics.
func EqualByMethod(a, b reflect.Value) (equal, ok bool) {
	if !HasEqual(a.Type()) {
		return false, false
	}
	defer func() {
		if recover() != nil {
			equal, ok = false, false
		}
	}()
	method := pointerTo(a).MethodByName("Equal")
	argument := pointerTo(b)
	if parameter := method.Type().In(0); b.Type().AssignableTo(parameter) {
		argument = argument.Elem()
	}
	return method.Call([]reflect.Value{argument})[0].Bool(), true
}

// HasEqual reports whether [EqualByMethod] calls a method for values of type t.
func HasEqual(t reflect.Type) bool {
	if cached, ok := equalMethods.Load(t); ok {
		found, _ := cached.(bool)
		return found
	}
	found := findEqual(t)
	equalMethods.Store(t, found)
	return found
}

func findEqual(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	m, ok := p.MethodByName("Equal")
	if !ok {
		return false
	}
	f := m.Type // its first parameter is the receiver
	if f.NumIn() != 2 || f.IsVariadic() || f.NumOut() != 1 || f.Out(0).Kind() != reflect.Bool {
		return false
	}
	return t.AssignableTo(f.In(1)) || p.AssignableTo(f.In(1))
}

// pointerTo returns a pointer to v, or to a copy of v if it has no address, as the values in
// maps and interfaces.
func pointerTo(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v.Addr()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}
