package audit

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/diff"
)

// Diff returns the changes from before to after in the fields that are opted in: by
// struct tag, or by [WithFields] for types that cannot carry tags. It ignores all
// other fields.
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
//     change, with [Change.Redacted] set, for everything in the field. A sensitive
//     struct changes when one of its tagged fields does, or when any of its fields
//     does if it has no tags.
//   - `audit:"name,key"` tracks the field and names the elements of a slice of the
//     struct by it, as in lines.A-17.price, so that their order does not matter.
//     The second element with the same key is A-17#2. A key is a string, an
//     integer, a time or an encoding.TextMarshaler, and is not sensitive.
//   - `audit:"name,precision=1ms"` compares times as [WithTimePrecision] does.
//   - `audit:"-"` does not track the field. Neither does a missing tag.
//   - An embedded struct without a tag is recorded as if its fields were in the
//     outer struct. With a tag, its fields are under that name.
//
// # Values
//
// Diff follows pointers and interfaces. An absent value is EMPTY, which differs
// from the zero value: a nil pointer, a key that a map does not have, every field
// of a struct whose pointer is nil, and everything before a creation.
//
//   - Booleans, numbers and strings are recorded by kind, whatever their type. An
//     unsigned integer beyond int64 is its decimal text. NaN equals NaN, and 0
//     equals -0.
//   - A time.Time is its instant, as RFC 3339 text in UTC with nine fractional
//     digits; the zone and the monotonic reading do not matter. A time.Duration is
//     its text, e.g. "1m30s".
//   - An encoding.TextMarshaler is its text. A struct with tagged fields is recorded
//     by field instead.
//   - A struct without tags that is a database/sql/driver.Valuer, such as
//     sql.NullString, is the value that its Value method returns, and EMPTY for nil.
//   - A slice or array of such values is one value. A nil slice and an empty one are
//     equal. Bytes are a BYTESLICE. A slice of interfaces is one value too if its
//     elements are such values, before and after.
//   - Any other slice is recorded by index or by key, and a map by its keys, which
//     are strings, integers or encoding.TextMarshalers. Only the elements are
//     recorded, not whether the slice or map is nil.
//   - The empty struct is an empty MAP.
//   - A value that cannot be represented is a text with the name of its type, such
//     as "***UNREPRESENTABLE:func()***". These are funcs, channels, complex numbers,
//     maps with other keys, structs without tracked fields, values whose method
//     fails or panics, cycles, and values nested more than 32 levels deep. Diff
//     compares funcs by their code, channels by identity, and the others by all of
//     their parts.
//
// If an interface holds values of different shapes before and after, the old value
// is removed and the new one added.
//
// # Equality
//
// Two values of one type that has a method Equal, such as a decimal of which 1.5 and
// 1.50 are the same amount, are equal if the method says so. It decides for everything
// below it too: if two values of a struct are equal, no change of its fields is
// recorded, and if they differ in no recorded field, one masked change says that they
// do. It does not decide for the values that are passed to Diff. Equal has one
// parameter, of the type itself or a pointer to it, and returns a bool.
//
// To see whether a field refers to another value of the same name, tag what identifies
// that value, such as `audit:"id,key"`.
//
// # Limits
//
// A diff records 1,000 changes. A last change of the field "*", with a text like the
// one above, says that there were more. So it does after 1,000,000 visited values. Of
// single values that a text stands for, the first 1,000,000 parts are compared; beyond,
// they are taken to differ. A slice or map of more than 100,000 elements is one such
// value.
//
// In a value of more than 100,000 parts, what is reached by several paths is
// recorded under the first path. Under the others, one change with a text like the
// one above reports that it changed.
//
// # Order
//
// The changes are in the order of the struct's fields. Those of a map, and of a
// slice that is recorded by key, are in the order of the keys as text. Paths are
// not escaped: keys that contain dots can give two changes the same path.
//
// # Errors
//
// The error is a [*ValidationError] that names a type and a field. It reports a
// mistake in the program: a malformed tag, a name that is used twice, a rule that
// matches no field, a tracked struct of which nothing would be recorded, or a T
// that has neither fields nor rules, such as int. Diff checks all of T, whatever the
// values are, and never reports an error about a value.
//
// Diff reads the values while it runs and does not retain them. It is safe for
// concurrent use as long as nobody changes the values. It compiles the tags and
// rules of a type once.
func Diff[T any](before, after T, opts ...DiffOption) ([]Change, error) {
	return diffPointers(&before, &after, opts...)
}

// DiffOption configures [Diff] and the CRUD helpers.
type DiffOption func(*diffConfig)

// WithTimePrecision makes times equal that differ by less than d, for a store that keeps
// fewer digits: time.Microsecond for PostgreSQL, time.Millisecond for MongoDB. A precision
// in the tag of a field has priority. By default, and if d is not positive, times are
// compared to the nanosecond.
func WithTimePrecision(d time.Duration) DiffOption {
	return func(c *diffConfig) { c.Precision = max(d, 0) }
}

// NotLoaded names what the application did not read, by the paths that changes have, such
// as "author" or "address.city", with everything below them. A zero value there, such as
// nil, "" or an empty list, is not known instead of empty:
//
//   - If the new value is not known, no change is recorded.
//   - If only the old one is not known, it is recorded as the text
//     "***NOT_LOADED***", and the record is marked "not_loaded".
//
// Values that are not zero are compared as always. A path that no recorded field has is an
// error of Diff; the keys of maps and lists are not checked.
func NotLoaded(paths ...string) DiffOption {
	return func(c *diffConfig) { c.NotLoaded = append(c.NotLoaded, paths...) }
}

type diffConfig struct {
	diff.Options
}

// FieldRule is how a field is recorded.
type FieldRule uint8

const (
	// FieldTracked records the values of the field. On a map, and on the value in
	// an interface, it opts in everything below, including keys that are added
	// later; to opt in some, name their keys. On a struct it opts in the tagged
	// fields, and is an error if there are none; name the fields instead.
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
//		"Address.City": audit.FieldTracked,   // a field of the struct in Address
//		"Labels.color": audit.FieldTracked,   // a key of the map in Labels
//		"Lines.Price":  audit.FieldTracked,   // a field of every element of the slice Lines
//		"Card":         audit.FieldSensitive, // everything in Card, masked
//	})
//
// A path consists of the Go names of struct fields and of map keys, separated by
// dots; slices add nothing to it. The recorded path is the same, except that a
// tagged field keeps the name in its tag. A map key that contains dots matches as
// if it were nested.
//
// Rules add to tags. A field is sensitive if its tag, a rule on it or a rule above
// it makes it so, and no rule makes it less. A rule on an embedded struct records
// its fields under the name of its type. The rules of several options add up.
//
// Diff returns an error for a path that matches no field of a struct, or that
// continues below a single value. It cannot check the keys of a map or the fields
// in an interface.
//
// Create the option once and keep it, because it caches what it compiled for each
// type. It does not retain the map. It is safe for concurrent use.
func WithFields(rules map[string]FieldRule) DiffOption {
	converted := make(map[string]diff.Rule, len(rules))
	for path, rule := range rules {
		converted[path] = rule.engineRule()
	}
	set := diff.NewRules(converted)
	return func(c *diffConfig) { c.Rules = c.Rules.With(set) }
}

// diffPointers is [Diff] for values that can be absent: before is nil for a
// creation, after for a deletion.
func diffPointers[T any](before, after *T, opts ...DiffOption) ([]Change, error) {
	var c diffConfig
	for _, opt := range opts {
		opt(&c)
	}
	buffer, _ := changeBuffers.Get().(*[]diff.Change)
	found, err := diff.AppendChanges((*buffer)[:0], reflect.TypeFor[T](), reflect.ValueOf(before), reflect.ValueOf(after), c.Options)
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

// engineRule returns the rule of package diff, or a number that it rejects.
func (r FieldRule) engineRule() diff.Rule {
	switch r {
	case FieldTracked:
		return diff.Tracked
	case FieldSensitive:
		return diff.Sensitive
	default:
		return diff.Rule(r) // stays invalid, also beside a valid rule on the same path
	}
}
