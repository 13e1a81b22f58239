package diff

import (
	"time"

	engine "github.com/opendeed/audit/internal/diff"
)

// Option configures a diff.
type Option func(*engine.Options)

// WithTimePrecision makes times equal that differ by less than d, for a store that keeps
// fewer digits: time.Microsecond for PostgreSQL, time.Millisecond for MongoDB. A precision
// in the tag of a field has priority. By default, and if d is not positive, times are
// compared to the nanosecond.
func WithTimePrecision(d time.Duration) Option {
	return func(o *engine.Options) { o.Precision = max(d, 0) }
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
// error of the diff; the keys of maps and lists are not checked.
func NotLoaded(paths ...string) Option {
	return func(o *engine.Options) { o.NotLoaded = append(o.NotLoaded, paths...) }
}
