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

// The parts of generated rules and events. There are few, so that rules often match.
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
			rule.RequireEvent, rule.Methods, rule.Routes = true, pick(r, someMethods, 2), pick(r, somePatterns, 2)
		} else {
			rule.Actions, rule.Targets, rule.ActorTypes = pick(r, somePatterns, 2), pick(r, somePatterns, 2), pick(r, someActors, 3)
		}
		rules[i] = rule
	}
	return rules
}

// facts are the values that rules match.
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

// naiveFirst is the reference implementation of Find and Coverage: it returns the index of
// the first rule of the wanted kind whose lists all have an element that matches.
func naiveFirst(rules []policy.Rule, f *facts, requests bool) int {
	matchesAny := func(patterns []string, text string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return naiveMatch(p, text) })
	}
	return slices.IndexFunc(rules, func(r policy.Rule) bool {
		return r.RequireEvent == requests && matchesAny(r.Channels, f.channel) &&
			(requests && matchesAny(r.Methods, f.method) && matchesAny(r.Routes, f.route) ||
				!requests && matchesAny(r.Actions, f.action) && matchesAny(r.Targets, f.target) && matchesAny(r.ActorTypes, f.actor))
	})
}

// TestNaiveEquivalence compares Find and Coverage with naiveFirst. A rule that New rejects as
// hidden must not match anything.
func TestNaiveEquivalence(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var matches, hiddenRules int
	for range 1500 {
		rules := someRules(r)
		p, err := policy.New(rules...)
		hidden := map[int]bool{}
		if all, ok := errors.AsType[*policy.Error](err); ok {
			for _, ruleErr := range all.Rules {
				require.True(t, strings.HasPrefix(ruleErr.Reason, "it never matches"), "%v", ruleErr)
				hidden[ruleErr.Index] = true
				hiddenRules++
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
				matches++
			}
		}
	}
	require.Greater(t, matches, 5_000)
	require.Greater(t, hiddenRules, 100)
}
