package auditrepo

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// defaultFormatID returns the default of Config.FormatID, or an error if ID has no text
// of its own. The texts agree with those in the signals of data layers.
func defaultFormatID[ID comparable]() (func(ID) (string, error), error) {
	t := reflect.TypeFor[ID]()
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && t.Kind() != reflect.Interface {
		return marshalID[ID], nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(id ID) (string, error) { return reflect.ValueOf(id).String(), nil }, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(id ID) (string, error) { return strconv.FormatInt(reflect.ValueOf(id).Int(), 10), nil }, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(id ID) (string, error) { return strconv.FormatUint(reflect.ValueOf(id).Uint(), 10), nil }, nil
	default:
		return nil, fmt.Errorf("auditrepo: Config.FormatID is required for ids of type %s, which is not a string, an integer or an encoding.TextMarshaler", t)
	}
}

func marshalID[ID comparable](id ID) (string, error) {
	m, ok := any(id).(encoding.TextMarshaler)
	if !ok {
		return "", nil // unreachable: defaultFormatID checked it
	}
	text, err := m.MarshalText()
	if err != nil {
		return "", fmt.Errorf("auditrepo: MarshalText of the id failed with a %T", err) // its text may hold values
	}
	return string(text), nil
}
