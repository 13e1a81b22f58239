package sdk

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMatchGlob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.bc", false},
		{"*", "", true},
		{"*", "a.b", true},
		{"a.*", "a.", true},
		{"a.*", "b.a.", false},
		{"*.b", "a.b", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"**", "x", true},
		{"*ab", "aab", true},
		{"*b*", "abc", true},
	} {
		assert.Equal(t, tt.want, matchGlob(tt.pattern, tt.s), "%s %s", tt.pattern, tt.s)
	}
}

func FuzzMatchGlob(f *testing.F) {
	f.Add("a*b*c", "aXbYc")
	f.Add("*ab", "aab")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.Count(pattern, "*") > 8 {
			return
		}
		quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `[\s\S]*`)
		re, err := regexp.Compile(`\A` + quoted + `\z`)
		if err != nil || strings.ToValidUTF8(pattern+s, "") != pattern+s {
			return
		}
		assert.Equal(t, re.MatchString(s), matchGlob(pattern, s))
	})
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, "plain": true, "exactly8": true, "more than eight bytes": true, "é": true, "日本語のテキスト": true,
		"12345678\n": false, "\x1f2345678": false, "1234567\x7f": false, "12345678\x7f": false, "\xff": false,
		"12345678\xff": false, "1234567\u0085": false, "12345678901\x00": false, "emoji 😀 text": true,
	} {
		assert.Equal(t, want, plainText(s), "%q", s)
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("plain text of more than eight bytes")
	f.Add("1234567\u0085")
	f.Fuzz(func(t *testing.T, s string) {
		assert.Equal(t, plainUnicode(s), plainText(s))
		clean := cleanProse(s)
		assert.Equal(t, clean, cleanProse(clean))
	})
}
