package policy_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/require"
)

// What rules and events are made of: little, so that they meet.
var (
	somePatterns = []string{"a", "b", "a.b", "a.*", "*", "*.b", "a*b", "*a*"}
	someTexts    = []string{"a", "b", "a.b", "a.b.b", "b.a", "ab"}
	someActors   = []string{"user", "service", "system", "anonymous", "unresolved"}
	someMethods  = []string{"GET", "PUT", "POST"}
)

func pick(r *rand.Rand, from []string, most int) (list []string) {
	for range r.IntN(most + 1) {
		list = append(list, from[r.IntN(len(from))])
	}
	return list
}

func someRules(r *rand.Rand) []policy.Rule {
	rules := make([]policy.Rule, r.IntN(6))
	for i := range rules {
		rule := policy.Rule{Name: strconv.Itoa(i), Channels: pick(r, somePatterns, 2)}
		if r.IntN(3) == 0 {
			rule.Cover, rule.Methods, rule.Routes = true, pick(r, someMethods, 2), pick(r, somePatterns, 2)
		} else {
			rule.Actions, rule.Targets, rule.ActorTypes = pick(r, somePatterns, 2), pick(r, somePatterns, 2), pick(r, someActors, 3)
		}
		rules[i] = rule
	}
	return rules
}

// facts are what rules look at.
type facts struct{ action, target, actor, channel, method, route string }

func someFacts(r *rand.Rand) facts {
	text := func() string { return someTexts[r.IntN(len(someTexts))] }
	return facts{text(), text(), someActors[r.IntN(len(someActors))], text(), someMethods[r.IntN(len(someMethods))], text()}
}

func (f *facts) event() *audit.Event {
	for t := audit.ActorUser; ; t++ {
		if t.String() == f.actor {
			return &audit.Event{Action: f.action, Target: audit.Target{Type: f.target}, Actor: audit.Actor{Type: t}}
		}
	}
}

// naiveFirst says what the list of rules means: the first of the wanted kind of which
// every list that is given has an element that matches.
func naiveFirst(rules []policy.Rule, f *facts, requests bool) int {
	one := func(patterns []string, text string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return naiveMatch(p, text) })
	}
	return slices.IndexFunc(rules, func(r policy.Rule) bool {
		return r.Cover == requests && one(r.Channels, f.channel) &&
			(requests && one(r.Methods, f.method) && one(r.Routes, f.route) ||
				!requests && one(r.Actions, f.action) && one(r.Targets, f.target) && one(r.ActorTypes, f.actor))
	})
}

// TestAsInterpreted compares with a naive interpreter. A rule that New says can never be
// met is met by nothing.
func TestAsInterpreted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var met, never int
	for range 1500 {
		rules := someRules(r)
		p, err := policy.New(rules...)
		hidden := map[int]bool{}
		if all, is := errors.AsType[*policy.Error](err); is {
			for _, wrong := range all.Rules {
				require.True(t, strings.HasPrefix(wrong.Reason, "it can never be met"), "%v", wrong)
				hidden[wrong.Index] = true
				never++
			}
		}
		for range 50 {
			f := someFacts(r)
			i, j := naiveFirst(rules, &f, false), naiveFirst(rules, &f, true)
			require.False(t, hidden[i] || hidden[j], "%+v\n%+v", rules, f)
			if err != nil {
				continue
			}
			require.Equal(t, i, p.Find(f.event(), f.channel), "%+v\n%+v", rules, f)
			_, _, matched := p.Coverage(f.method, f.route, f.channel)
			require.Equal(t, j >= 0, matched, "%+v\n%+v", rules, f)
			if i >= 0 {
				met++
			}
		}
	}
	require.Greater(t, met, 5_000)
	require.Greater(t, never, 100)
}
