package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// WithPolicy enforces the rules of a policy. A provider has at most one policy.
//
// Required fields are checked during validation, after the application's processors. An
// intent that does not meet its rule is rejected with a *PolicyError, and covers no
// signals. WithRequired, WithActions and WithAnonymous apply in addition to the policy.
//
// Changes are reduced after redaction, so names of fields are redacted too, and before
// delivery. The stored record decides which exporters get it: its action, the types of
// target and actor, which redaction does not change, and its redacted channel. For an
// exporter that follows a ledger, the policy of the running provider decides, also for
// records that were stored under an earlier policy. NewTrackerProvider rejects a rule
// that names an unknown exporter, or that leaves a record without any delivery.
//
// Middleware enforces the rules about requests.
func WithPolicy(p *policy.Policy) Option {
	return func(c *config) {
		switch {
		case p == nil:
			c.fail(errors.New("WithPolicy: the policy is nil"))
		case c.policy != nil:
			c.fail(errors.New("WithPolicy: it was used twice; put all rules into one policy, because the first rule that matches decides"))
		default:
			c.policy = p
		}
	}
}

// PolicyError reports that a rule rejected an intent. It contains no values.
type PolicyError struct {
	// Rule is the name of the rule.
	Rule string
	// Problems lists everything that the rule rejects: each is a *audit.ValidationError
	// or audit.ErrAnonymousNotAllowed.
	Problems []error
}

// Error returns a text for logs.
func (e *PolicyError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	return "sdk: policy rule " + strconv.Quote(e.Rule) + " rejects the event: " + strings.Join(texts, "; ")
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

// checkPolicy rejects rules that name exporters which do not exist.
func (c *config) checkPolicy() {
	for _, rule := range c.policy.Rules() {
		for _, name := range rule.Exporters {
			if err := c.checkExporter(name); err != nil {
				c.fail(fmt.Errorf("WithPolicy: rule %q: %w", rule.Name, err))
			}
		}
	}
}

func (c *config) checkExporter(name string) error {
	found := slices.Contains(c.exporters, name)
	switch {
	case name == policy.NoExporter && found:
		return fmt.Errorf("%q means no exporter, but an exporter has that name; rename it", name)
	case name == policy.NoExporter && c.ledgers == 0:
		return errors.New("its records would not be recorded anywhere; name an exporter, or add sdk.WithLedger")
	case name == policy.NoExporter || found:
		return nil
	}
	return fmt.Errorf("no exporter is named %q; the exporters are: %s", name, strings.Join(c.exporters, ", "))
}

// enforcement applies a policy to records that passed validation. A nil *enforcement has
// no policy.
type enforcement struct {
	policy *policy.Policy
	rules  []policy.Rule
	routes [][]delivery.Delivery // deliveries of each rule; nil means all
}

func newEnforcement(p *policy.Policy) *enforcement {
	rules := p.Rules()
	return &enforcement{policy: p, rules: rules, routes: make([][]delivery.Delivery, len(rules))}
}

// route finds the deliveries of each rule. A ledger stores every record.
func (n *enforcement) route(deliveries []delivery.Delivery) {
	if n == nil {
		return
	}
	for i := range n.rules {
		if n.rules[i].Exporters == nil {
			continue
		}
		for _, d := range deliveries {
			if _, ok := d.(*delivery.Ledger); ok || slices.Contains(n.rules[i].Exporters, d.Name()) {
				n.routes[i] = append(n.routes[i], d)
			}
		}
	}
}

// apply reduces the record's changes and returns the deliveries that get the record.
func (n *enforcement) apply(r *record.Record, all []delivery.Delivery) []delivery.Delivery {
	i := n.policy.Find(&r.Event, r.Channel)
	if i < 0 {
		return all
	}
	switch n.rules[i].Changes {
	case policy.ChangesFields:
		hideChanges(r)
	case policy.ChangesOmitted:
		dropChanges(r)
	case policy.ChangesFull:
	}
	if n.routes[i] != nil {
		return n.routes[i]
	}
	return all
}

// filter returns an exporter that forwards to e only the records that e gets according to
// the rules.
func (n *enforcement) filter(e export.Exporter) export.Exporter {
	if n == nil {
		return e
	}
	name := e.Name()
	if !slices.ContainsFunc(n.rules, func(r policy.Rule) bool { return !exportsTo(&r, name) }) {
		return e
	}
	return export.Filter(e, func(r *record.Record) bool {
		i := n.policy.Find(&r.Event, r.Channel)
		return i < 0 || exportsTo(&n.rules[i], name)
	})
}

// exportsTo reports whether the exporter gets the records of a rule.
func exportsTo(r *policy.Rule, exporter string) bool {
	return r.Exporters == nil || slices.Contains(r.Exporters, exporter)
}

// hideChanges keeps the names of changed fields and drops their values.
func hideChanges(r *record.Record) {
	if len(r.Changes) == 0 {
		return
	}
	paths := slices.Clone(r.Redacted)
	for i := range r.Changes {
		field := r.Changes[i].Field
		r.Changes[i] = audit.Change{Field: field, Redacted: true}
		paths = append(paths, sanitize.FieldPath(pathChanges, field))
	}
	slices.Sort(paths)
	r.Redacted = slices.Compact(paths)
}

// dropChanges drops the changes and records only that there were some. It also drops the
// paths of changes, because they contain the names of fields.
func dropChanges(r *record.Record) {
	if len(r.Changes) == 0 {
		return
	}
	isChange := func(path string) bool {
		field, ok := strings.CutPrefix(path, pathChanges)
		return ok && field != ""
	}
	r.Changes = nil
	r.Redacted = slices.DeleteFunc(slices.Clone(r.Redacted), isChange)
	r.Marked = slices.DeleteFunc(slices.Clone(r.Marked), isChange)
	r.AddRedacted(pathChanges)
}

const pathChanges = "changes"
