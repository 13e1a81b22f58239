package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opendeed/audit/policy"
)

// WithPolicy enforces the rules of a policy. A provider has at most one policy.
//
// Required fields are checked during validation, after the application's processors. An
// intent that does not meet its rule is rejected with a *PolicyError, and covers no
// signals. WithRequired, WithActions and WithAnonymous apply in addition to the policy.
//
// Changes are reduced after redaction, so names of fields are redacted too, and before
// delivery. The stored record decides which exporters get it: its action, the types of
// target and actor, and its channel, after redaction. For an
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
