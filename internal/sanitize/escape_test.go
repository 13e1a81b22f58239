package sanitize

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, line, prose string }{
		{"", "", ""},
		{"plain text", "plain text", "plain text"},
		{"josé 漢 😀 \u2028", "josé 漢 😀 \u2028", "josé 漢 😀 \u2028"},
		{"jos\xe9", `jos\xe9`, `jos\xe9`},
		{"a\tb\r\nc", `a\x09b\x0d\x0ac`, "a\tb\r\nc"},
		{"\x00\x1b[31m\x7f", `\x00\x1b[31m\x7f`, `\x00\x1b[31m\x7f`},
		{"\u0085", `\xc2\x85`, `\xc2\x85`},
		{"\xe6\xbc", `\xe6\xbc`, `\xe6\xbc`},
		{"\xed\xa0\x80", `\xed\xa0\x80`, `\xed\xa0\x80`}, // half of a surrogate pair
		{`jos\xe9`, `jos\x5cxe9`, `jos\x5cxe9`},
		{`\xE9`, `\x5cxE9`, `\x5cxE9`},
		{`\x5c`, `\x5cx5c`, `\x5cx5c`},
		{`\x`, `\x`, `\x`},
		{`C:\xerox\new`, `C:\xerox\new`, `C:\xerox\new`},
		{"\\\xe9", `\\xe9`, `\\xe9`},
		{"\ufffd", "\ufffd", "\ufffd"},
	} {
		assert.Equal(t, tt.line, Escape(tt.raw, Line), "%q", tt.raw)
		assert.Equal(t, tt.prose, Escape(tt.raw, Prose), "%q", tt.raw)
		assert.Equal(t, tt.raw, Unescape(tt.line))
		assert.Equal(t, tt.raw, Unescape(tt.prose))
	}
}

func TestEscapePrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw               string
		maxText, maxJSON  int
		text              string
		prefix, wantWidth int
	}{
		{"abcdef", 4, 100, "abcd", 4, 6},
		{"abcdef", 100, 4, "abcd", 4, 6},
		{"aé", 2, 100, "a", 1, 3},
		{"a\xff\xff", 8, 100, `a\xff`, 2, 11},
		{"a\xff\xff", 100, 10, `a\xff`, 2, 11},
		{`a\x41b`, 5, 100, `a\x5c`, 2, 10},
		{`a\x41b`, 4, 100, "a", 1, 10},
		{`""""`, 100, 5, `""`, 2, 8},
		{"", 0, 0, "", 0, 0},
	} {
		text, n := EscapePrefix(tt.raw, Line, tt.maxText, tt.maxJSON)
		assert.Equal(t, tt.text, text, "%q", tt.raw)
		assert.Equal(t, tt.prefix, n, "%q", tt.raw)
		assert.Equal(t, tt.wantWidth, Width(tt.raw, Line, 100), "%q", tt.raw)
	}
}

// FuzzEscape checks that escaping loses nothing, that its result is valid in a record, and
// that no cut splits an escape.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain text of some length", "jos\xe9\n", `\x41\x5c\xe9`, "\\\xff", "\u0085\u00a0", "漢\x7f\\x"} {
		f.Add(s, uint8(5))
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		for _, form := range []Form{Line, Prose} {
			text := Escape(s, form)
			require.Equal(t, s, Unescape(text))
			require.Equal(t, text == s, safePrefix(s, form) == len(s))
			require.True(t, utf8.ValidString(text))
			require.Negative(t, strings.IndexFunc(text, func(r rune) bool {
				return IsControl(r) && (form == Line || !strings.ContainsRune("\t\r\n", r))
			}))
			if Safe(s) {
				require.Equal(t, s, text)
			}
			var quoted strings.Builder
			e := json.NewEncoder(&quoted)
			e.SetEscapeHTML(false)
			require.NoError(t, e.Encode(strings.NewReplacer("\u2028", "abc", "\u2029", "abc").Replace(text)))
			require.Equal(t, quoted.Len()-len("\"\"\n"), Width(s, form, 1<<20))

			part, length := EscapePrefix(s, form, int(n), 1<<20)
			require.LessOrEqual(t, len(part), int(n))
			require.True(t, strings.HasPrefix(text, part))
			require.Equal(t, s[:length], Unescape(part))
			part, length = EscapePrefix(s, form, 1<<20, int(n))
			encoded, err := json.Marshal(part)
			require.NoError(t, err)
			require.LessOrEqual(t, len(part), len(encoded)-len(`""`))
			require.Equal(t, s[:length], Unescape(part))
		}
	})
}
