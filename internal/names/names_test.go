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

func TestActionOn(t *testing.T) {
	t.Parallel()
	for targetType, want := range map[string]string{
		"article": "article.create", "bank-account": "bank_account.create", "Bank Account": "bank_account.create",
		"billing.invoice": "billing.invoice.create", "a/b": "a_b.create", "v1": "v1.create",
		"": "", "1st": "", "счёт": "", "café": "", "\xff": "", "-a": "", "a..b": "", strings.Repeat("a", 122): "",
	} {
		action, ok := ActionOn(targetType, "create")
		assert.Equal(t, want != "", ok, "%q gives %q", targetType, action)
		if ok {
			assert.Equal(t, want, action)
		}
	}
}
