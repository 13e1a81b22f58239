package audit_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
)

// actionPattern is the rule as the documentation states it.
var actionPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$`)

func TestAction(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"invoice.approve":        "invoice.approve",
		"  Invoice Line.Approve": "invoice_line.approve",
		"a":                      "a",
		"a1_.b2._c":              "a1_.b2._c",
	} {
		got := audit.NormalizeAction(in)
		assert.Equal(t, want, got)
		assert.True(t, audit.ValidAction(got), got)
	}
	for _, bad := range []string{
		"", ".", "a.", ".a", "a..b", "1a", "_a", "a-b", "a/b", "é", "a\n", "a\x00", "A",
		strings.Repeat("a", audit.MaxActionLength+1),
	} {
		assert.False(t, audit.ValidAction(bad), bad)
	}
	assert.True(t, audit.ValidAction(strings.Repeat("a", audit.MaxActionLength)))
}

func FuzzAction(f *testing.F) {
	for _, s := range []string{"invoice.approve", "a..b", " A b", "ß"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) <= audit.MaxActionLength && actionPattern.MatchString(s) && !strings.HasSuffix(s, "\n")
		assert.Equal(t, want, audit.ValidAction(s))
		once := audit.NormalizeAction(s)
		assert.Equal(t, once, audit.NormalizeAction(once))
	})
}
