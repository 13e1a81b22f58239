// Package diff documents how changes are found, and has the options of [audit.Diff] and of
// the helpers that use it, such as audit.TrackUpdate.
//
// A diff has the changes of the fields that are opted in: by struct tag, or by
// [WithFields] for types that cannot carry tags. It ignores all other fields.
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
//	changes, err := audit.Diff(before, after, diff.NotLoaded("author"))
//
// # Tags
//
//   - `audit:"name"` tracks an exported field under that name.
//   - `audit:"name,sensitive"` records that the field changed, never its values: one
//     change, with audit.Change.Redacted set, for everything in the field. A sensitive
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
// A diff follows pointers and interfaces. An absent value is EMPTY, which differs
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
//     fails or panics, cycles, and values nested more than 32 levels deep. A
//     diff compares funcs by their code, channels by identity, and the others by all of
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
// do. It does not decide for the values that are passed to audit.Diff. Equal has one
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
// The error of audit.Diff is an *audit.ValidationError that names a type and a field. It reports a
// mistake in the program: a malformed tag, a name that is used twice, a rule that
// matches no field, a tracked struct of which nothing would be recorded, or a T
// that has neither fields nor rules, such as int. All of T is checked, whatever the
// values are, and no error is about a value.
//
// [audit.Diff]: https://pkg.go.dev/github.com/opendeed/audit#Diff
package diff
