package auditrepo

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// idText returns how ids are written in targets, or an error where ID has no text by
// itself. The texts are those of the data layers' signals.
func idText[ID comparable]() (func(ID) (string, error), error) {
	t := reflect.TypeFor[ID]()
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && t.Kind() != reflect.Interface {
		return marshaledID[ID], nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(id ID) (string, error) { return reflect.ValueOf(id).String(), nil }, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(id ID) (string, error) { return strconv.FormatInt(reflect.ValueOf(id).Int(), 10), nil }, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(id ID) (string, error) { return strconv.FormatUint(reflect.ValueOf(id).Uint(), 10), nil }, nil
	default:
		return nil, fmt.Errorf("auditrepo: Config.FormatID must say how an id is written: %s is no string, integer or encoding.TextMarshaler", t)
	}
}

func marshaledID[ID comparable](id ID) (string, error) {
	m, ok := any(id).(encoding.TextMarshaler)
	if !ok {
		return "", nil // checked by idText
	}
	text, err := m.MarshalText()
	if err != nil {
		return "", fmt.Errorf("auditrepo: the id has no text: %T", err) // what it says may hold values
	}
	return string(text), nil
}
