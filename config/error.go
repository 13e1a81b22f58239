package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Error reports all problems of a configuration. It contains no values, since an invalid
// value may be a secret in the wrong place.
type Error struct {
	// Problems has at least one element, in the order of the file.
	Problems []Problem
}

// Problem is a problem of a configuration.
type Problem struct {
	// File is the path of the file, as it was given. It is empty for environment variables.
	File string
	// Line and Column are the position in the file, counted from 1, or zero if it is
	// unknown.
	Line, Column int
	// Path is the key, such as "exporters[1].endpoint", or the name of an environment
	// variable. It is empty if the problem is about the whole configuration.
	Path string
	// Message describes the problem.
	Message string
	// Suggestion is a known name that is similar, or empty.
	Suggestion string
	// Err is the cause, or nil. It contains no secrets.
	Err error
}

// Error returns a line for each problem:
//
//	deploy.yaml:12:3: exporters[1].endpont: unknown key; did you mean "endpoint"?
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the causes of the problems.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, p := range e.Problems {
		if p.Err != nil {
			errs = append(errs, p.Err)
		}
	}
	return errs
}

// String returns the problem in one line.
func (p Problem) String() string {
	text := p.File
	if p.Line > 0 {
		text += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
	}
	for _, part := range []string{p.Path, p.Message} {
		if part != "" && text != "" {
			text += ": "
		}
		text += part
	}
	if p.Suggestion != "" {
		text += "; did you mean " + strconv.Quote(p.Suggestion) + "?"
	}
	return text
}

// cleanedError replaces an error whose text contains secrets. It still matches with
// errors.Is what that error matches, but gives no access to it.
type cleanedError struct {
	text string
	is   func(target error) bool
}

func (e *cleanedError) Error() string { return e.text }

func (e *cleanedError) Is(target error) bool { return e.is(target) }

// newError returns an *Error, or nil if there are no problems.
func newError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return a.String() == b.String() })
	return &Error{Problems: problems}
}

// flatten returns the errors that are joined in err, without the errors that wrap them all.
func flatten(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if all := joined(e); all != nil {
			return all
		}
	}
	return []error{err}
}

// joined returns the errors that are joined in e, or nil if e joins none.
func joined(e error) []error {
	j, ok := e.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var all []error
	for _, each := range j.Unwrap() {
		if inner := joined(each); inner != nil {
			all = append(all, inner...)
		} else {
			all = append(all, each)
		}
	}
	return all
}
