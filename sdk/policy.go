package sdk

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opendeed/audit/policy"
)

// PolicyError reports that a rule rejected an intent. It contains no values.
type PolicyError struct {
	// Recorded says that the intent was recorded nevertheless, with the marks policy.unmet,
	// because what it says had been done: see plumbing.Afterwards.
	Recorded bool
	// Rule is the name of the rule.
	Rule string
	// Problems lists everything that the rule rejects: each is a *audit.ValidationError
	// or policy.ErrAnonymousNotAllowed.
	Problems []error
}

// Error returns a text for logs.
func (e *PolicyError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	verdict := " rejects the event: "
	if e.Recorded {
		verdict = " is not met by the event, which was recorded: "
	}
	return "sdk: policy rule " + strconv.Quote(e.Rule) + verdict + strings.Join(texts, "; ")
}

// Unwrap returns the problems.
func (e *PolicyError) Unwrap() []error { return e.Problems }

// optionPolicy returns a policy with one rule that comes from an option.
func optionPolicy(option string, r policy.Rule) (*policy.Policy, error) {
	r.Name = option
	p, err := policy.New(r)
	policyErr, ok := errors.AsType[*policy.Error](err)
	if !ok {
		return p, err
	}
	errs := make([]error, len(policyErr.Rules))
	for i, r := range policyErr.Rules {
		errs[i] = fmt.Errorf("%s: %s", option, r.Reason)
	}
	return nil, errors.Join(errs...)
}

// actionsPolicy returns a policy with one rule, for actions that match one of the
// patterns.
func actionsPolicy(option string, patterns []string) (*policy.Policy, error) {
	if len(patterns) == 0 {
		return policy.New()
	}
	return optionPolicy(option, policy.Rule{Actions: patterns})
}
