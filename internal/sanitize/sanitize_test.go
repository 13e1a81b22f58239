package sanitize

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlainText(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, "plain": true, "exactly8": true, "more than eight bytes": true, "é": true, "日本語のテキスト": true,
		"12345678\n": false, "\x1f2345678": false, "1234567\x7f": false, "12345678\x7f": false, "\xff": false,
		"12345678\xff": false, "1234567\u0085": false, "12345678901\x00": false, "emoji 😀 text": true,
	} {
		assert.Equal(t, want, Plain(s), "%q", s)
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("plain text of more than eight bytes")
	f.Add("1234567\u0085")
	f.Fuzz(func(t *testing.T, s string) {
		assert.Equal(t, plainUnicode(s), Plain(s))
	})
}
