package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func lookupOf(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}
}

var testVariables = map[string]string{"A": "alpha", "B_2": "${A} $$ x", "EMPTY": ""}

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want, fault string }{
		{text: "", want: ""},
		{text: "plain", want: "plain"},
		{text: "${A}", want: "alpha"},
		{text: "x${A}y${A}z", want: "xalphayalphaz"},
		{text: "${B_2}", want: "${A} $$ x"}, // values are not expanded again
		{text: "${EMPTY}", want: ""},
		{text: "${EMPTY:-b}", want: "b"},
		{text: "${NONE:-}", want: ""},
		{text: "${NONE:-a:-b c}", want: "a:-b c"},
		{text: "${A:-b}", want: "alpha"},
		{text: "$$", want: "$"},
		{text: "$${A}", want: "${A}"},
		{text: "$$$$A", want: "$$A"},
		{text: `^\d+$`, want: `^\d+$`},
		{text: "(a$|b$)5$5", want: "(a$|b$)5$5"},
		{text: "${NONE}", fault: "the variable NONE is not set; set it, or use ${NONE:-default}"},
		{text: "$A", fault: "a $ precedes a letter; use ${NAME} for a variable, or $$ for a dollar sign"},
		{text: "$_", fault: "a $ precedes a letter; use ${NAME} for a variable, or $$ for a dollar sign"},
		{text: "x${A", fault: "a ${ has no }; use $$ for a dollar sign"},
		{text: "${}", fault: "the name in ${NAME} or ${NAME:-default} must have only letters, digits and underscores"},
		{text: "${1A}", fault: "the name in ${NAME} or ${NAME:-default} must have only letters, digits and underscores"},
		{text: "${A-b}", fault: "the name in ${NAME} or ${NAME:-default} must have only letters, digits and underscores"},
		{text: "${A:?b}", fault: "the name in ${NAME} or ${NAME:-default} must have only letters, digits and underscores"},
		{text: "${NONE:-${A}}", fault: "the default of ${NONE} contains ${, which is not supported"},
	} {
		x := expand(tt.text, lookupOf(testVariables))
		if tt.fault != "" {
			assert.Equal(t, []string{tt.fault}, x.faults, tt.text)
			continue
		}
		assert.Empty(t, x.faults, tt.text)
		assert.Equal(t, tt.want, x.text, tt.text)
	}
	x := expand("${NONE} $A ${A}", lookupOf(testVariables))
	assert.Len(t, x.faults, 2, "all faults at once")
	assert.Contains(t, x.values, "alpha")
}

func FuzzExpand(f *testing.F) {
	for _, text := range []string{"${A}", "$$", "${NONE:-x}", "$", "${", "a$b", "${A}${", "${EMPTY:-}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x := expand(text, lookupOf(testVariables))
		for _, fault := range x.faults {
			assert.NotContains(t, fault, "alpha")
		}
		if !strings.Contains(text, "$") {
			assert.Equal(t, text, x.text)
			assert.Empty(t, x.faults)
		}
		escaped := expand(strings.ReplaceAll(text, "$", "$$"), lookupOf(testVariables))
		assert.Equal(t, text, escaped.text, "$$ escapes any text")
		assert.Empty(t, escaped.faults)
	})
}
