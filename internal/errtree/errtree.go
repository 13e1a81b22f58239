// Package errtree walks trees of wrapped and joined errors.
package errtree

// All returns the errors of type E in the tree of err, from the outermost to the innermost. It
// does not look inside those that it found.
func All[E error](err error) []E {
	if found, ok := err.(E); ok { //nolint:errorlint // the tree is walked
		return []E{found}
	}
	switch err := err.(type) { //nolint:errorlint // the tree is walked
	case interface{ Unwrap() error }:
		return All[E](err.Unwrap())
	case interface{ Unwrap() []error }:
		var all []E
		for _, err := range err.Unwrap() {
			all = append(all, All[E](err)...)
		}
		return all
	}
	return nil
}
