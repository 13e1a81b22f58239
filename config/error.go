package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Error is everything that is wrong with a configuration. It shows no values: what is
// wrong may be a secret that stands in the wrong place.
type Error struct {
	// Problems is what is wrong, in the order of the file. It has one element at least.
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	// File is the file's path as it was given. It is empty for what is in the
	// environment.
	File string
	// Line and Column are where it stands, both counted from 1, or zero where that is
	// not known.
	Line, Column int
	// Path is what it is about: a key such as "exporters[1].endpoint", or the name of a
	// variable of the environment. It is empty for what is about the whole.
	Path string
	// Message is what is wrong, in words.
	Message string
	// Suggestion is the nearest known name, if one is near.
	Suggestion string
	// Err is the error behind it, if there is one. It has no secrets either.
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

// Unwrap returns the errors behind the problems.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, p := range e.Problems {
		if p.Err != nil {
			errs = append(errs, p.Err)
		}
	}
	return errs
}

// String returns the problem's line.
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

// newError returns nil where there are no problems.
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

// leaves returns the errors that were joined in err, without what was wrapped around
// them all.
func leaves(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if all := joined(e); all != nil {
			return all
		}
	}
	return []error{err}
}

// joined returns the errors that e is joined of, or nil if it is none of that kind.
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
