package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The model has the fields of policy.Rule, in the same order, with the same names.
func TestPolicyFields(t *testing.T) {
	t.Parallel()
	var want, got []string
	rule := reflect.TypeFor[policy.Rule]()
	for field := range rule.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		want = append(want, name)
	}
	for _, f := range fieldsOf(valueOf(&ruleModel{})) {
		got = append(got, f.key)
	}
	assert.Equal(t, want, got)
}

// Problems of rules match *policy.RuleError, with the index of the rule in the file.
func TestPolicyError(t *testing.T) {
	t.Parallel()
	err := newError(problemsOf(t, []byte(`
exporters: [{type: stdout}]
policy:
  - {name: one, channels: [api]}
  - {name: two, require: [resaon]}
`)))
	ruleErr, ok := errors.AsType[*policy.RuleError](err)
	require.True(t, ok)
	assert.Equal(t, &policy.RuleError{Index: 1, Field: "require[0]", Reason: fieldRule}, ruleErr)
	problems, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	require.Len(t, problems.Problems, 1)
	assert.Equal(t, "policy[1].require[0]", problems.Problems[0].Path)
	assert.Equal(t, []int{5, 27}, []int{problems.Problems[0].Line, problems.Problems[0].Column})
	assert.Equal(t, "reason", problems.Problems[0].Suggestion)
}
