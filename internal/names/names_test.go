package names

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValid(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(Pattern)
	for s, want := range map[string]bool{
		"mongodb": true, "a": true, "0": true, "-_": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "A": false, "a b": false, "a.b": false, "a\n": false, "é": false, "\xff": false,
	} {
		assert.Equal(t, want, Valid(s), "%q", s)
		assert.Equal(t, want, pattern.MatchString(s), "%q", s)
	}
}
