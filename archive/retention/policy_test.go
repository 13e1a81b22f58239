package retention_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opendeed/audit/archive/retention"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewPolicyErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rules []retention.Rule
		want  string
	}{
		{"no name", []retention.Rule{{}}, "retention: rule 1: name: it must match"},
		{"the class of no record", []retention.Rule{{Name: "_"}}, `retention: rule 1 ("_"): name: it must match`},
		{"a name twice", []retention.Rule{{Name: "a", Actions: []string{"b"}}, {Name: "a"}}, "an earlier rule has the same name"},
		{"a rule that matches none", []retention.Rule{{Name: "a"}, {Name: "b"}}, "an earlier rule matches every record, so this one matches none"},
		{"an empty pattern", []retention.Rule{{Name: "a", Actions: []string{"b", ""}}}, `rule 1 ("a"): actions[1]: the pattern is empty`},
		{"an empty type", []retention.Rule{{Name: "a", Targets: []string{""}}}, "targets[0]: the pattern is empty"},
		{"keep", []retention.Rule{{Name: "a", Keep: -1}}, "keep: it must not be negative"},
		{"archive_after", []retention.Rule{{Name: "a", ArchiveAfter: -1}}, "archive_after: it must not be negative"},
		{"archived when removed", []retention.Rule{{Name: "a", Keep: 1, ArchiveAfter: 1}}, "archive_after: it must be shorter than keep"},
	} {
		_, err := retention.NewPolicy(tt.rules...)
		require.ErrorContains(t, err, tt.want, tt.name)
		_, ok := errors.AsType[*retention.RuleError](err)
		assert.True(t, ok, tt.name)
	}
}

func TestRuleOf(t *testing.T) {
	t.Parallel()
	p := newPolicy(t,
		retention.Rule{Name: "acme", Actions: []string{"user.*", "invoice.update"}, Tenants: []string{"acme*"}, Keep: time.Hour},
		retention.Rule{Name: "nobody", Tenants: []string{""}},
		retention.Rule{Name: "invoices", Targets: []string{"inv*"}},
	)
	for _, tt := range []struct {
		rec  rec
		want string
	}{
		{rec{action: "user.login", tenant: "acme-eu"}, "acme"},
		{rec{action: "invoice.update", tenant: "acme"}, "acme"},
		{rec{action: "invoice.create", tenant: "acme"}, "invoices"},
		{rec{action: "user.login"}, "nobody"},
		{rec{action: "user.login", tenant: "globex"}, ""},
	} {
		rule, ok := p.Rule(newRecord(1, tt.rec))
		assert.Equal(t, tt.want, rule.Name)
		assert.Equal(t, tt.want != "", ok)
	}
	other := newPolicy(t, p.Rules()...)
	assert.Equal(t, p.ID(), other.ID())
	assert.NotEqual(t, p.ID(), newPolicy(t, p.Rules()[1:]...).ID())
}
