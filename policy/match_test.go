package policy_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.bc", false},
		{"a.b", "aXb", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a.b", true},
		{"a.*", "a.", true},
		{"a.*", "b.a.", false},
		{"*.b", "a.b", true},
		{"*.b", "a.b.c", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"*ab*ab", "ab", false},
		{"*ab*ab*", "abXab", true},
		{"**", "x", true},
		{"*ab", "aab", true},
		{"*b*", "abc", true},
		{"/static/*", "/static/*", true},
	} {
		assert.Equal(t, tt.want, policy.Match(tt.pattern, tt.text), "%s %s", tt.pattern, tt.text)
	}
}

// naiveMatch is the reference implementation of Match.
func naiveMatch(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return naiveMatch(pattern[1:], text) || text != "" && naiveMatch(pattern, text[1:])
	default:
		return text != "" && text[0] == pattern[0] && naiveMatch(pattern[1:], text[1:])
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b*c", "aXbYc")
	f.Add("*ab", "aab")
	f.Add("a*a", "a")
	f.Add("**", "")
	f.Add("*ab*ab", "ab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.Count(pattern, "*") > 4 || len(text) > 64 {
			return // naiveMatch takes exponential time
		}
		assert.Equal(t, naiveMatch(pattern, text), policy.Match(pattern, text))
	})
}
