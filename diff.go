package audit

import (
	"errors"
	"reflect"

	"github.com/opendeed/audit/diff"
	engine "github.com/opendeed/audit/internal/diff"
)

// Diff returns the changes from before to after in the fields that are opted in by a
// struct tag, such as `audit:"title"` or `audit:"body,sensitive"`, or by [diff.WithFields].
// It ignores all other fields. The changes are in the order of the struct's fields.
// Package [diff] documents tags, values, equality and limits.
//
// The error is a [*ValidationError] that names a type and a field. It reports a mistake in
// the program, such as a malformed tag, and is never about a value.
//
// Diff reads the values while it runs and does not retain them. It is safe for
// concurrent use as long as nobody changes the values. It compiles the tags and
// rules of a type once.
func Diff[T any](before, after T, opts ...diff.Option) ([]Change, error) {
	both := struct{ before, after T }{before, after} // one allocation
	return diffPointers(&both.before, &both.after, opts...)
}

// diffPointers is [Diff] for values that can be absent: before is nil for a
// creation, after for a deletion.
func diffPointers[T any](before, after *T, opts ...diff.Option) ([]Change, error) {
	var o engine.Options
	for _, opt := range opts {
		opt(&o)
	}
	toChange := func(c engine.Change) Change { return Change(c) }
	changes, err := engine.Convert(toChange, reflect.TypeFor[T](), reflect.ValueOf(before), reflect.ValueOf(after), o)
	if invalid, ok := errors.AsType[*engine.Error](err); ok {
		return nil, &ValidationError{Field: invalid.Field, Reason: invalid.Reason}
	}
	return changes, err
}
