package audit

import (
	"errors"
	"reflect"
	"sync"

	"github.com/opendeed/audit/internal/diff"
)

// Diff returns what changed from before to after, among the fields that were
// opted in: by struct tag, or by [WithFields] for types that cannot carry tags.
// What was not opted in is not looked at.
//
//	type Article struct {
//		Title   string            `audit:"title"`          // recorded with its values
//		Body    string            `audit:"body,sensitive"` // recorded without its values
//		Author  *User             `audit:"author"`         // the tagged fields of User, as author.name
//		Lines   []Line            `audit:"lines"`          // as lines.0.price, or by the field of Line tagged key
//		Labels  map[string]string `audit:"labels"`         // as labels.color
//		Version int                                        // not recorded
//	}
//
// # Tags
//
//   - `audit:"name"` tracks an exported field under that name.
//   - `audit:"name,sensitive"` records that the field changed, never its values: one
//     change, with [Change.Redacted] set, for everything that the field holds. A
//     sensitive struct changes when one of its tagged fields does, or, where it has
//     none, when anything in it does.
//   - `audit:"name,key"` tracks the field and names the elements of a slice of the
//     struct by it, as in lines.A-17.price, so that their order does not matter.
//     The second element with the same key is A-17#2. A key is a string, an
//     integer, a time or an encoding.TextMarshaler, and not sensitive.
//   - `audit:"-"` and no tag at all do not track the field.
//   - An embedded struct without a tag is looked into as if its fields stood in
//     its place. With a tag its fields are under that name.
//
// # Values
//
// Pointers and interfaces are followed. A value that is not there is EMPTY, which
// is not the zero value: a nil pointer, a key that a map does not have, all fields
// of a struct behind a nil pointer, and everything before a creation.
//
//   - Booleans, numbers and strings go by their kind, whatever their type. An
//     unsigned integer beyond int64 is its decimal text. NaN equals NaN, and 0
//     equals -0.
//   - A time.Time is its instant, as RFC 3339 text in UTC with nine fractional
//     digits; zone and monotonic reading do not count. A time.Duration is its
//     text, e.g. "1m30s".
//   - An encoding.TextMarshaler is its text. A struct that also has tagged fields
//     goes by its tags instead.
//   - A struct without tags that is a database/sql/driver.Valuer, such as
//     sql.NullString, is the value that it gives, and EMPTY for nil.
//   - A slice or array of such values is one value. A nil slice is EMPTY, an empty
//     one is an empty slice. Bytes are a BYTESLICE. So is a slice of interfaces
//     that hold such values only, before and after.
//   - Any other slice goes by index, or by key, and a map goes by its keys, which
//     are strings, integers or encoding.TextMarshalers. Of a slice or map only its
//     elements are recorded, not whether it is nil.
//   - The empty struct is an empty MAP.
//   - What cannot be represented is a text that names its type, such as
//     "***UNREPRESENTABLE:func()***": funcs, channels, complex numbers, maps with other keys,
//     structs that show nothing of themselves, what fails or panics when it is
//     asked for its text, cycles, and whatever is nested more than 32 levels
//     deep. Funcs are compared by their code, channels by identity, the others
//     by all that they are made of.
//
// Where an interface holds values of different shapes before and after, the old
// one is removed and the new one added. In values of more than 100,000 parts, what
// several paths lead to is recorded under the first of them; under the others a
// text as above says that it changed.
//
// # Order
//
// The changes are in the order of the struct's fields; those of a map, and of a
// slice that goes by key, are in the order of the keys as text. A path is not
// escaped: keys that contain dots can give two changes the same path.
//
// # Errors
//
// The error is a [*ValidationError] that names a type and a field. It means a
// mistake in the program (a malformed tag, a name that is used twice, a rule that
// matches nothing, a tagged struct of which nothing would be recorded, a T that
// has no fields and no rules) and is found for all of T at once, whatever the
// values are. It is never about a value.
//
// Diff reads the values while it runs and keeps none of them. It may be called
// concurrently, as long as nobody changes the values meanwhile. The rules of a
// type are compiled once.
func Diff[T any](before, after T, opts ...DiffOption) ([]Change, error) {
	return diffPointers(&before, &after, opts...)
}

// diffPointers is [Diff] for values that can be absent: before is nil for a
// creation, after for a deletion.
func diffPointers[T any](before, after *T, opts ...DiffOption) ([]Change, error) {
	var c diffConfig
	for _, opt := range opts {
		opt(&c)
	}
	buffer, _ := changeBuffers.Get().(*[]diff.Change)
	found, err := diff.AppendChanges((*buffer)[:0], reflect.TypeFor[T](), reflect.ValueOf(before), reflect.ValueOf(after), c.rules)
	var changes []Change
	if len(found) > 0 {
		changes = make([]Change, len(found))
	}
	for i, change := range found {
		changes[i] = Change(change)
	}
	if cap(found) <= maxChangeBuffer {
		clear(found)
		*buffer = found
		changeBuffers.Put(buffer)
	}
	if invalid, ok := errors.AsType[*diff.Error](err); ok {
		return nil, &ValidationError{Field: invalid.Field, Reason: invalid.Reason}
	}
	return changes, err
}

// changeBuffers has slices for the changes of the engine, before they are
// converted. A slice in it holds no values.
var changeBuffers = sync.Pool{New: func() any { return new([]diff.Change) }}

// maxChangeBuffer limits the capacity of the slices in changeBuffers.
const maxChangeBuffer = 64

// DiffOption configures [Diff] and the CRUD helpers.
type DiffOption func(*diffConfig)

type diffConfig struct {
	rules *diff.Rules
}

// FieldRule says how a field is recorded.
type FieldRule uint8

const (
	// FieldTracked records the values of the field. On a map, and on what an
	// interface in it holds, it opts in everything below, now and later: to be
	// choosy, name the keys. On a struct it opts in the tagged fields, and is an
	// error where there are none: name the fields instead.
	FieldTracked FieldRule = iota + 1
	// FieldSensitive records that the field changed, never its values: one change
	// for everything below it.
	FieldSensitive
)

// WithFields opts fields in by rule, for types that cannot carry tags: maps, and
// structs of other packages.
//
//	var accountFields = audit.WithFields(map[string]audit.FieldRule{
//		"Email":        audit.FieldTracked,   // a field of the struct, by its Go name
//		"Address.City": audit.FieldTracked,   // a field of the struct that Address holds
//		"Labels.color": audit.FieldTracked,   // a key of the map that Labels holds
//		"Lines.Price":  audit.FieldTracked,   // a field of every element of the slice Lines
//		"Card":         audit.FieldSensitive, // everything in Card, masked
//	})
//
// A path is made of the Go names of struct fields and of map keys, with dots
// between them; slices take up no part of it. The recorded path is the same, but
// for fields that have a tag: these keep the name in it. A map's key that contains
// dots is matched as if it were nested.
//
// Rules add to tags. A field is sensitive if its tag, a rule on it or a rule above
// it says so; no rule takes that back. A rule on an embedded struct puts its
// fields under the name of its type. Several options add up.
//
// A path that matches no field of a struct is an error of Diff, as is one that
// goes on below a single value. What a map or an interface will hold cannot be
// known.
//
// Make the option once and keep it: it keeps what it compiled for each type. It
// does not keep rules, and may be used concurrently.
func WithFields(rules map[string]FieldRule) DiffOption {
	converted := make(map[string]diff.Rule, len(rules))
	for path, rule := range rules {
		converted[path] = rule.engineRule()
	}
	set := diff.NewRules(converted)
	return func(c *diffConfig) { c.rules = c.rules.With(set) }
}

// engineRule returns the rule of package diff, or 0, which it rejects.
func (r FieldRule) engineRule() diff.Rule {
	switch r {
	case FieldTracked:
		return diff.Tracked
	case FieldSensitive:
		return diff.Sensitive
	default:
		return 0
	}
}
