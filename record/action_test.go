package record_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
)

// actionPattern is the documented rule.
var actionPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$`)

func TestAction(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"invoice.approve":        "invoice.approve",
		"  Invoice Line.Approve": "invoice_line.approve",
		"a":                      "a",
		"a1_.b2._c":              "a1_.b2._c",
	} {
		got := record.NormalizeAction(in)
		assert.Equal(t, want, got)
		assert.True(t, record.ValidAction(got), got)
	}
	for _, bad := range []string{
		"", ".", "a.", ".a", "a..b", "1a", "_a", "a-b", "a/b", "é", "a\n", "a\x00", "A",
		strings.Repeat("a", record.MaxActionLength+1),
	} {
		assert.False(t, record.ValidAction(bad), bad)
	}
	assert.True(t, record.ValidAction(strings.Repeat("a", record.MaxActionLength)))
}

func FuzzAction(f *testing.F) {
	for _, s := range []string{"invoice.approve", "a..b", " A b", "ß"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) <= record.MaxActionLength && actionPattern.MatchString(s) && !strings.HasSuffix(s, "\n")
		assert.Equal(t, want, record.ValidAction(s))
		once := record.NormalizeAction(s)
		assert.Equal(t, once, record.NormalizeAction(once))
	})
}
