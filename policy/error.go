package policy

import (
	"strconv"
	"strings"
)

// Error reports all invalid rules of a policy.
type Error struct {
	// Rules has at least one element, in the order of the rules. A rule may have
	// several.
	Rules []*RuleError
}

// Error returns one line for each element of Rules.
func (e *Error) Error() string {
	lines := make([]string, len(e.Rules))
	for i, err := range e.Rules {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the elements of Rules.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Rules))
	for i, err := range e.Rules {
		errs[i] = err
	}
	return errs
}

// RuleError reports an invalid rule.
type RuleError struct {
	// Index is the index of the rule in the arguments of New.
	Index int
	// Rule is the name of the rule, or "".
	Rule string
	// Field is the JSON name of the invalid field, such as "changes", or "require[1]"
	// for an element of a list. It is empty if the rule as a whole is invalid.
	Field string
	// Reason says what is wrong and what would be valid.
	Reason string
}

// Error returns the rule, the field and the reason. It counts rules from 1.
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
