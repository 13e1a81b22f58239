package policy

import (
	"strconv"
	"strings"
)

// Error is everything that is wrong with the rules of a policy.
type Error struct {
	// Rules has one element or more, in the order of the rules.
	Rules []*RuleError
}

// Error returns one line for each thing that is wrong.
func (e *Error) Error() string {
	lines := make([]string, len(e.Rules))
	for i, wrong := range e.Rules {
		lines[i] = wrong.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Rules))
	for i, wrong := range e.Rules {
		errs[i] = wrong
	}
	return errs
}

// RuleError says what is wrong with a rule.
type RuleError struct {
	// Index is the rule's, in the arguments of New.
	Index int
	// Rule is its name, if it has one.
	Rule string
	// Field is what is wrong, as a configuration names it: "changes", or, of an element
	// of a list, "require[1]". It is empty where the rule as a whole is wrong.
	Field string
	// Reason is what is wrong with it, and what would be right.
	Reason string
}

// Error returns a sentence for logs.
func (e *RuleError) Error() string {
	text := "policy: rule " + strconv.Itoa(e.Index+1)
	if e.Rule != "" {
		text += " (" + strconv.Quote(e.Rule) + ")"
	}
	if e.Field != "" {
		text += ": " + e.Field
	}
	return text + ": " + e.Reason
}
