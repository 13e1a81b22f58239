package policy_test

import (
	"errors"
	"testing"

	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ruleErrors returns the errors of invalid rules.
func ruleErrors(t *testing.T, rules ...policy.Rule) []*policy.RuleError {
	t.Helper()
	p, err := policy.New(rules...)
	assert.Nil(t, p)
	all, ok := errors.AsType[*policy.Error](err)
	require.True(t, ok, "%v", err)
	require.NotEmpty(t, all.Rules)
	for _, ruleErr := range all.Rules {
		assert.ErrorContains(t, err, ruleErr.Error())
		assert.ErrorIs(t, err, ruleErr)
	}
	return all.Rules
}

func TestInvalidRules(t *testing.T) {
	t.Parallel()
	const eventsOnly = "the rule matches requests, to which this does not apply; add another rule for events"
	for _, tt := range []struct {
		field  string
		rule   policy.Rule
		reason string
	}{
		{"name", policy.Rule{Name: " "}, "it is missing"},
		{"name", policy.Rule{Name: "a\nb"}, "it must not be empty or have unprintable characters"},
		{"actions", policy.Rule{Actions: []string{}}, "the list is empty; omit it to match everything"},
		{"actions[0]", policy.Rule{Actions: []string{"Payout.*"}}, `"Payout.*" is not an action pattern: use lowercase letters, digits, underscores, dots and *`},
		{"actions[1]", policy.Rule{Actions: []string{"a", "a..b"}}, `"a..b" is not an action: use words of lowercase letters, digits and underscores, joined by dots`},
		{"targets[0]", policy.Rule{Targets: []string{""}}, `"" is not a pattern: it must not be empty or have unprintable characters`},
		{"channels[0]", policy.Rule{Channels: []string{"a\x00"}}, `"a\x00" is not a pattern: it must not be empty or have unprintable characters`},
		{"channels[0]", policy.Rule{Channels: []string{"\xff"}}, `"\xff" is not a pattern: it must not be empty or have unprintable characters`},
		{"actor_types[0]", policy.Rule{ActorTypes: []string{"none"}}, `"none" is not user, service, system, anonymous or unresolved`},
		{"actor_types", policy.Rule{ActorTypes: []string{}}, "the list is empty; omit it to match everything"},
		{"require[0]", policy.Rule{Require: []string{"color"}}, `the field "color" cannot be required; use reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY`},
		{"require[0]", policy.Rule{Require: []string{"metadata."}}, `the field "metadata." cannot be required; use reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY`},
		{"require_actor_types[0]", policy.Rule{RequireActorTypes: []string{"unresolved"}}, `"unresolved" is not user, service, system or anonymous`},
		{"reject_anonymous", policy.Rule{RejectAnonymous: true, RequireActorTypes: []string{"user", "anonymous"}}, "it contradicts require_actor_types, which lists anonymous"},
		{"changes", policy.Rule{Changes: "hide"}, `"hide" is not full, fields or omitted`},
		{"exporters[0]", policy.Rule{Exporters: []string{"Mongo"}}, `"Mongo" is not an exporter name: it does not match ^[a-z0-9_-]{1,64}$`},
		{"exporters", policy.Rule{Exporters: []string{}}, "the list is empty; omit it to match everything"},
		{"exporters", policy.Rule{Exporters: []string{"none", "otlp"}}, "none must be the only element"},
		{"methods[0]", policy.Rule{Methods: []string{"get"}, RequireEvent: true}, `"get" is not an HTTP method, such as "GET"`},
		{"routes[0]", policy.Rule{Routes: []string{""}, RequireEvent: true}, `"" is not a pattern: it must not be empty or have unprintable characters`},
		{"require_event", policy.Rule{Routes: []string{"/a"}}, "a rule with methods or routes matches requests; set require_event, or set exempt to a reason"},
		{"exempt", policy.Rule{Routes: []string{"/a"}, Exempt: " "}, "it must give a reason"},
		{"exempt", policy.Rule{Routes: []string{"/a"}, Exempt: "a\x1b"}, "it must not be empty or have unprintable characters"},
		{"exempt", policy.Rule{RequireEvent: true, Exempt: "reads"}, "it contradicts require_event"},
		{"actions", policy.Rule{RequireEvent: true, Actions: []string{"a"}}, eventsOnly},
		{"targets", policy.Rule{RequireEvent: true, Targets: []string{"a"}}, eventsOnly},
		{"actor_types", policy.Rule{RequireEvent: true, ActorTypes: []string{"user"}}, eventsOnly},
		{"require", policy.Rule{RequireEvent: true, Require: []string{"reason"}}, eventsOnly},
		{"require_actor_types", policy.Rule{RequireEvent: true, RequireActorTypes: []string{"user"}}, eventsOnly},
		{"reject_anonymous", policy.Rule{RequireEvent: true, RejectAnonymous: true}, eventsOnly},
		{"changes", policy.Rule{RequireEvent: true, Changes: policy.ChangesFull}, eventsOnly},
		{"exporters", policy.Rule{Exempt: "reads", Exporters: []string{"otlp"}}, eventsOnly},
	} {
		if tt.rule.Name == "" {
			tt.rule.Name = "r"
		}
		all := ruleErrors(t, policy.Rule{Name: "valid", Actions: []string{"valid"}}, tt.rule)
		assert.Equal(t, []*policy.RuleError{{Index: 1, Rule: tt.rule.Name, Field: tt.field, Reason: tt.reason}}, all)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	_, err := policy.New(
		policy.Rule{Name: "all"},
		policy.Rule{Name: "payouts", Actions: []string{"a", "B"}, Require: []string{"reason", "why"}},
		policy.Rule{Name: "payouts", Actions: []string{"a"}},
		policy.Rule{RequireEvent: true},
	)
	assert.EqualError(t, err, `policy: rule 2 ("payouts"): actions[1]: "B" is not an action pattern: use lowercase letters, digits, underscores, dots and *
policy: rule 2 ("payouts"): require[1]: the field "why" cannot be required; use reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY
policy: rule 3 ("payouts"): name: rule 2 has the same name; rename one of them
policy: rule 4: name: it is missing`)

	_, err = policy.New(policy.Rule{Name: "all"}, policy.Rule{Name: "late", Actions: []string{"a"}}, policy.Rule{Name: "x", Changes: "x"})
	assert.EqualError(t, err, `policy: rule 2 ("late"): it never matches, because "all" is before it and matches everything that it would; move it before that rule
policy: rule 3 ("x"): changes: "x" is not full, fields or omitted`)
}

func TestHiddenRules(t *testing.T) {
	t.Parallel()
	actions := func(patterns ...string) policy.Rule { return policy.Rule{Actions: patterns} }
	for _, tt := range []struct {
		name    string
		first   policy.Rule
		second  policy.Rule
		matches bool
	}{
		{"after a rule for everything", policy.Rule{}, actions("a"), false},
		{"after a star", actions("*"), policy.Rule{}, false},
		{"after the same pattern", actions("a.*"), actions("a.*"), false},
		{"after a wider pattern", actions("a.*"), actions("a.b", "a.c*d"), false},
		{"before a wider pattern", actions("a.b"), actions("a.*"), true},
		{"one pattern not covered", actions("a.*"), actions("a.b", "b"), true},
		{"no list after a list", actions("a.*"), policy.Rule{}, true},
		{"wider in one list only", policy.Rule{Actions: []string{"*"}, Channels: []string{"admin"}}, actions("a"), true},
		{"wider in both", policy.Rule{Actions: []string{"a.*"}, Channels: []string{"adm*"}}, policy.Rule{Actions: []string{"a.b"}, Channels: []string{"admin"}, Targets: []string{"t"}}, false},
		{"fewer actors", policy.Rule{ActorTypes: []string{"user", "service"}}, policy.Rule{ActorTypes: []string{"service"}}, false},
		{"other actors", policy.Rule{ActorTypes: []string{"user"}}, policy.Rule{ActorTypes: []string{"user", "service"}}, true},
		{"any actor", policy.Rule{ActorTypes: []string{"user"}}, policy.Rule{}, true},
		{"requests after events", policy.Rule{}, policy.Rule{RequireEvent: true}, true},
		{"after all requests", policy.Rule{RequireEvent: true}, policy.Rule{Routes: []string{"/a"}, Exempt: "reads"}, false},
		{"after its methods", policy.Rule{Methods: []string{"GET", "PUT"}, RequireEvent: true}, policy.Rule{Methods: []string{"PUT"}, Routes: []string{"/a"}, Exempt: "reads"}, false},
		{"other methods", policy.Rule{Methods: []string{"PUT"}, RequireEvent: true}, policy.Rule{Methods: []string{"GET", "PUT"}, RequireEvent: true}, true},
		{"any method", policy.Rule{Methods: []string{"PUT"}, RequireEvent: true}, policy.Rule{RequireEvent: true}, true},
		{"other routes", policy.Rule{Routes: []string{"/a"}, RequireEvent: true}, policy.Rule{Routes: []string{"/a", "/b"}, RequireEvent: true}, true},
		{"other channels", policy.Rule{Channels: []string{"a"}, RequireEvent: true}, policy.Rule{RequireEvent: true}, true},
	} {
		tt.first.Name, tt.second.Name = "first", "second"
		_, err := policy.New(tt.first, tt.second)
		if tt.matches {
			assert.NoError(t, err, tt.name)
		} else {
			assert.ErrorContains(t, err, `("second"): it never matches, because "first" is before it`, tt.name)
		}
	}
}
