package policy_test

import (
	"errors"
	"testing"

	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wrongs returns what is wrong with the rules.
func wrongs(t *testing.T, rules ...policy.Rule) []*policy.RuleError {
	t.Helper()
	p, err := policy.New(rules...)
	assert.Nil(t, p)
	all, is := errors.AsType[*policy.Error](err)
	require.True(t, is, "%v", err)
	require.NotEmpty(t, all.Rules)
	for _, wrong := range all.Rules {
		assert.ErrorContains(t, err, wrong.Error())
		assert.ErrorIs(t, err, wrong)
	}
	return all.Rules
}

func TestWrongRules(t *testing.T) {
	t.Parallel()
	const notAsked = "the rule is about requests, which have none; make it a rule of its own"
	for _, tt := range []struct {
		field  string
		rule   policy.Rule
		reason string
	}{
		{"name", policy.Rule{Name: " "}, "it is missing"},
		{"name", policy.Rule{Name: "a\nb"}, "it must have characters, and only such as can be printed"},
		{"actions", policy.Rule{Actions: []string{}}, "the list is empty; leave it out if it does not matter"},
		{"actions[0]", policy.Rule{Actions: []string{"Payout.*"}}, `"Payout.*" is no pattern of actions: it has lower-case letters, digits, underscores, dots and *`},
		{"actions[1]", policy.Rule{Actions: []string{"a", "a..b"}}, `"a..b" is no action: it has words of lower-case letters, digits and underscores, joined by dots`},
		{"targets[0]", policy.Rule{Targets: []string{""}}, `"" is no pattern: it must have characters, and only such as can be printed`},
		{"channels[0]", policy.Rule{Channels: []string{"a\x00"}}, `"a\x00" is no pattern: it must have characters, and only such as can be printed`},
		{"channels[0]", policy.Rule{Channels: []string{"\xff"}}, `"\xff" is no pattern: it must have characters, and only such as can be printed`},
		{"actor_types[0]", policy.Rule{ActorTypes: []string{"none"}}, `"none" is not user, service, system, anonymous or unresolved`},
		{"actor_types", policy.Rule{ActorTypes: []string{}}, "the list is empty; leave it out if it does not matter"},
		{"require[0]", policy.Rule{Require: []string{"colour"}}, `the field "colour" cannot be required; it is reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY`},
		{"require[0]", policy.Rule{Require: []string{"metadata."}}, `the field "metadata." cannot be required; it is reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY`},
		{"require_actor_types[0]", policy.Rule{RequireActorTypes: []string{"unresolved"}}, `"unresolved" is not user, service, system or anonymous`},
		{"refuse_anonymous", policy.Rule{RefuseAnonymous: true, RequireActorTypes: []string{"user", "anonymous"}}, "it contradicts require_actor_types, which lists anonymous"},
		{"changes", policy.Rule{Changes: "hide"}, `"hide" is none of record, fields, some`},
		{"exporters[0]", policy.Rule{Exporters: []string{"Mongo"}}, `"Mongo" is no name of an exporter: it has lower-case letters, digits, _ and -, at most 64`},
		{"exporters", policy.Rule{Exporters: []string{}}, "the list is empty; leave it out if it does not matter"},
		{"exporters", policy.Rule{Exporters: []string{"none", "otlp"}}, "none must stand alone"},
		{"methods[0]", policy.Rule{Methods: []string{"get"}, Cover: true}, `"get" is no method: it is written like "GET"`},
		{"routes[0]", policy.Rule{Routes: []string{""}, Cover: true}, `"" is no pattern: it must have characters, and only such as can be printed`},
		{"cover", policy.Rule{Routes: []string{"/a"}}, "a rule with methods or routes is about requests: it needs cover, or exempt with the reason"},
		{"exempt", policy.Rule{Routes: []string{"/a"}, Exempt: " "}, "it must say why"},
		{"exempt", policy.Rule{Routes: []string{"/a"}, Exempt: "a\x1b"}, "it must have characters, and only such as can be printed"},
		{"exempt", policy.Rule{Cover: true, Exempt: "reads"}, "it contradicts cover"},
		{"actions", policy.Rule{Cover: true, Actions: []string{"a"}}, notAsked},
		{"targets", policy.Rule{Cover: true, Targets: []string{"a"}}, notAsked},
		{"actor_types", policy.Rule{Cover: true, ActorTypes: []string{"user"}}, notAsked},
		{"require", policy.Rule{Cover: true, Require: []string{"reason"}}, notAsked},
		{"require_actor_types", policy.Rule{Cover: true, RequireActorTypes: []string{"user"}}, notAsked},
		{"refuse_anonymous", policy.Rule{Cover: true, RefuseAnonymous: true}, notAsked},
		{"changes", policy.Rule{Cover: true, Changes: policy.ChangesRecord}, notAsked},
		{"exporters", policy.Rule{Exempt: "reads", Exporters: []string{"otlp"}}, notAsked},
	} {
		if tt.rule.Name == "" {
			tt.rule.Name = "r"
		}
		all := wrongs(t, policy.Rule{Name: "fine", Actions: []string{"fine"}}, tt.rule)
		assert.Equal(t, []*policy.RuleError{{Index: 1, Rule: tt.rule.Name, Field: tt.field, Reason: tt.reason}}, all)
	}
}

func TestAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := policy.New(
		policy.Rule{Name: "all"},
		policy.Rule{Name: "payouts", Actions: []string{"a", "B"}, Require: []string{"reason", "why"}},
		policy.Rule{Name: "payouts", Actions: []string{"a"}},
		policy.Rule{Cover: true},
	)
	assert.EqualError(t, err, `policy: rule 2 ("payouts"): actions[1]: "B" is no pattern of actions: it has lower-case letters, digits, underscores, dots and *
policy: rule 2 ("payouts"): require[1]: the field "why" cannot be required; it is reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY
policy: rule 3 ("payouts"): name: rule 2 has the same name; give one of them another
policy: rule 4: name: it is missing`)

	_, err = policy.New(policy.Rule{Name: "all"}, policy.Rule{Name: "late", Actions: []string{"a"}}, policy.Rule{Name: "x", Changes: "x"})
	assert.EqualError(t, err, `policy: rule 2 ("late"): it can never be met, because "all" comes first and meets everything that it would; put it before that
policy: rule 3 ("x"): changes: "x" is none of record, fields, some`)
}

func TestNeverMet(t *testing.T) {
	t.Parallel()
	actions := func(patterns ...string) policy.Rule { return policy.Rule{Actions: patterns} }
	for _, tt := range []struct {
		name     string
		first    policy.Rule
		second   policy.Rule
		mayBeMet bool
	}{
		{"behind everything", policy.Rule{}, actions("a"), false},
		{"behind a star", actions("*"), policy.Rule{}, false},
		{"behind the same", actions("a.*"), actions("a.*"), false},
		{"behind a wider pattern", actions("a.*"), actions("a.b", "a.c*d"), false},
		{"before a wider pattern", actions("a.b"), actions("a.*"), true},
		{"one is left", actions("a.*"), actions("a.b", "b"), true},
		{"everything is wider", actions("a.*"), policy.Rule{}, true},
		{"wider in one list only", policy.Rule{Actions: []string{"*"}, Channels: []string{"admin"}}, actions("a"), true},
		{"wider in both", policy.Rule{Actions: []string{"a.*"}, Channels: []string{"adm*"}}, policy.Rule{Actions: []string{"a.b"}, Channels: []string{"admin"}, Targets: []string{"t"}}, false},
		{"fewer actors", policy.Rule{ActorTypes: []string{"user", "service"}}, policy.Rule{ActorTypes: []string{"service"}}, false},
		{"other actors", policy.Rule{ActorTypes: []string{"user"}}, policy.Rule{ActorTypes: []string{"user", "service"}}, true},
		{"any actor", policy.Rule{ActorTypes: []string{"user"}}, policy.Rule{}, true},
		{"requests behind events", policy.Rule{}, policy.Rule{Cover: true}, true},
		{"behind all requests", policy.Rule{Cover: true}, policy.Rule{Routes: []string{"/a"}, Exempt: "reads"}, false},
		{"behind its methods", policy.Rule{Methods: []string{"GET", "PUT"}, Cover: true}, policy.Rule{Methods: []string{"PUT"}, Routes: []string{"/a"}, Exempt: "reads"}, false},
		{"other methods", policy.Rule{Methods: []string{"PUT"}, Cover: true}, policy.Rule{Methods: []string{"GET", "PUT"}, Cover: true}, true},
		{"any method", policy.Rule{Methods: []string{"PUT"}, Cover: true}, policy.Rule{Cover: true}, true},
		{"other routes", policy.Rule{Routes: []string{"/a"}, Cover: true}, policy.Rule{Routes: []string{"/a", "/b"}, Cover: true}, true},
		{"other channels", policy.Rule{Channels: []string{"a"}, Cover: true}, policy.Rule{Cover: true}, true},
	} {
		tt.first.Name, tt.second.Name = "first", "second"
		_, err := policy.New(tt.first, tt.second)
		if tt.mayBeMet {
			assert.NoError(t, err, tt.name)
		} else {
			assert.ErrorContains(t, err, `("second"): it can never be met, because "first" comes first`, tt.name)
		}
	}
}
