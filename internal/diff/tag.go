package diff

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/opendeed/audit/internal/values"
)

// tag is the audit tag of a struct field.
type tag struct {
	name      string // empty if the tag does not track the field
	excluded  bool   // by "-"
	sensitive bool
	key       bool
	precision time.Duration // of the times in the field; 0 if it has none
}

// parseTag returns the tag of a field of t, or the zero tag if it has none.
func parseTag(t reflect.Type, f reflect.StructField) (tag, error) {
	text, found, malformed := values.LookupTag(f.Tag)
	switch {
	case malformed:
		return tag{}, fieldError(t, f.Name, "the tag cannot be read; write audit:\"name\" in quotes, with a space between it and other tags")
	case !found:
		return tag{}, nil
	case text == "-":
		return tag{excluded: true}, nil
	}

	name, options, more := strings.Cut(text, ",")
	parsed := tag{name: name}
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		if reason := parsed.addOption(option); reason != "" {
			return tag{}, fieldError(t, f.Name, reason)
		}
	}
	if reason := parsed.mistake(f); reason != "" {
		return tag{}, fieldError(t, f.Name, reason)
	}
	return parsed, nil
}

// addOption adds an option and returns what is wrong with it, or "".
func (t *tag) addOption(option string) (reason string) {
	switch name, value, _ := strings.Cut(option, "="); name {
	case "sensitive":
		t.sensitive = true
	case "key":
		t.key = true
	case "precision":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Sprintf("the tag has the precision %q; write a positive duration, as in precision=1ms", value)
		}
		t.precision = d
		return ""
	default:
		return unknownOption(option)
	}
	if strings.Contains(option, "=") {
		return unknownOption(option)
	}
	return ""
}

func unknownOption(option string) string {
	return fmt.Sprintf("the tag has the unknown option %q; there are sensitive, key and precision", option)
}

// mistake returns what is wrong with the tag of f, or "".
func (t tag) mistake(f reflect.StructField) string {
	switch {
	case t.name == "":
		return `the tag has no name; write audit:"name" or audit:"name,sensitive"`
	case t.name == "-":
		return `the tag excludes the field and has options; write audit:"-"`
	case t.name == "sensitive":
		return `the tag tracks the field under the name "sensitive"; write audit:"name,sensitive"`
	case strings.TrimSpace(t.name) != t.name:
		return "the name in the tag has spaces around it"
	case !f.IsExported():
		return "the field is tagged and not exported; export it or remove the tag"
	case t.key && t.sensitive:
		return "a key stands in the paths of the changes and cannot be sensitive"
	case t.key && !values.IsKeyType(f.Type):
		return "a key is a string, an integer, a time or an encoding.TextMarshaler"
	}
	return ""
}

func fieldError(t reflect.Type, field, reason string) error {
	return &Error{Field: t.String() + "." + field, Reason: reason}
}
