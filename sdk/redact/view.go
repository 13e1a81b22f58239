package redact

import (
	"strings"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/secretwords"
)

// view is a text as a reader or another program sees it: with its characters folded to
// ASCII, and in a second view with its escapes decoded. at has the offset of each of its
// bytes in the original, and one more for its end; it is nil if the view is the original.
type view struct {
	text string
	at   []int32
}

// maxView is the length of the longest text that is folded or decoded. Its offsets must fit
// into 32 bits.
const maxView = 1 << 30

// original returns the span of the original that a span of the view covers.
func (v view) original(s span) span {
	if v.at == nil {
		return s
	}
	return span{int(v.at[s.start]), int(v.at[s.end])}
}

// viewBuilder makes a view from another.
type viewBuilder struct {
	text strings.Builder
	at   []int32
	from view
}

func newViewBuilder(from view) *viewBuilder {
	b := &viewBuilder{from: from, at: make([]int32, 0, len(from.text)+1)}
	b.text.Grow(len(from.text))
	return b
}

// add appends the character that begins at i of the older view.
func (b *viewBuilder) add(r rune, i int) {
	at := i
	if b.from.at != nil {
		at = int(b.from.at[i])
	}
	n := b.text.Len()
	if r >= 0 && r < utf8.RuneSelf {
		b.text.WriteByte(byte(r))
	} else if r >= 0 {
		b.text.WriteRune(r)
	}
	for ; n < b.text.Len(); n++ {
		b.at = append(b.at, int32(at))
	}
}

func (b *viewBuilder) view() view {
	end := len(b.from.text)
	if b.from.at != nil {
		end = int(b.from.at[end])
	}
	return view{b.text.String(), append(b.at, int32(end))}
}

// fold returns the view of a text whose characters are folded: see secretwords.Fold.
func fold(text string) view {
	if len(text) > maxView || !foldable(text) {
		return view{text: text}
	}
	b := newViewBuilder(view{text: text})
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				r = '?' // a byte that is no character
			}
		}
		b.add(secretwords.Fold(r), i)
	}
	return b.view()
}

// foldable reports whether folding would change the text.
func foldable(text string) bool {
	for _, r := range text {
		if r >= utf8.RuneSelf && (r == utf8.RuneError || secretwords.Fold(r) != r) {
			return true
		}
	}
	return false
}

// maxDecodings is how many times a text is decoded that was encoded several times.
const maxDecodings = 3

// decode returns a view with decoded escapes: of URLs (%70), of JSON and of programming
// languages (\u0070, \x70), and of HTML (&quot;). ok is false if there are none.
func (v view) decode() (decoded view, ok bool) {
	for range maxDecodings {
		next, changed := v.decodeOnce()
		if !changed {
			break
		}
		v, ok = next, true
	}
	return v, ok
}

func (v view) decodeOnce() (decoded view, ok bool) {
	if len(v.text) > maxView || !strings.ContainsAny(v.text, `%\&`) {
		return v, false
	}
	b := newViewBuilder(v)
	for i := 0; i < len(v.text); {
		r, size := escape(v.text[i:])
		if size == 0 {
			r, size = utf8.DecodeRuneInString(v.text[i:])
		} else {
			r, ok = secretwords.Fold(r), true
		}
		b.add(r, i)
		i += size
	}
	return b.view(), ok
}

// escape returns the character that an escape at the start of the text stands for, and the
// length of the escape, which is 0 if there is none.
func escape(text string) (r rune, size int) {
	switch {
	case len(text) < 3:
		return 0, 0
	case text[0] == '%':
		return hexEscape(text, 1, 2)
	case text[0] == '\\' && text[1] == 'u':
		return hexEscape(text, 2, 4)
	case text[0] == '\\' && text[1] == 'x':
		return hexEscape(text, 2, 2)
	case text[0] == '&' && text[1] == '#':
		return numberEscape(text)
	case text[0] == '&':
		for _, entity := range entities {
			if strings.HasPrefix(text, entity.name) {
				return entity.r, len(entity.name)
			}
		}
	}
	return 0, 0
}

var entities = []struct {
	name string
	r    rune
}{{"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&nbsp;", ' '}, {"&equals;", '='}, {"&colon;", ':'}}

// hexEscape reads n hexadecimal digits after a prefix of some bytes. A byte of %c3%b1 that
// is not ASCII is decoded as Latin-1: it only matters that it is a letter.
func hexEscape(text string, prefix, n int) (r rune, size int) {
	r, ok := hexNumber(text, prefix, n)
	if !ok {
		return 0, 0
	}
	if n == 2 && r >= 0xC2 && r < 0xE0 && prefix == 1 && len(text) > 3 && text[3] == '%' { // the first of the two bytes of a character
		if next, ok := hexNumber(text[3:], 1, 2); ok && next >= 0x80 && next < 0xC0 {
			return (r&0x1F)<<6 | next&0x3F, 6
		}
	}
	return r, prefix + n
}

// hexNumber returns the number of n hexadecimal digits after a prefix of some bytes.
func hexNumber(text string, prefix, n int) (r rune, ok bool) {
	if len(text) < prefix+n {
		return 0, false
	}
	for _, c := range []byte(text[prefix : prefix+n]) {
		if !hexDigits.has(c) {
			return 0, false
		}
		r = r<<4 | rune(hexValue(c))
	}
	return r, true
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	default:
		return (c | 0x20) - 'a' + 10
	}
}

// numberEscape reads &#61; or &#x3d;.
func numberEscape(text string) (r rune, size int) {
	i, base := 2, rune(10)
	if text[2] == 'x' || text[2] == 'X' {
		i, base = 3, 16
	}
	for start := i; i < len(text) && i < start+7; i++ {
		c := text[i]
		switch {
		case c == ';' && i > start && r <= utf8.MaxRune:
			return r, i + 1
		case digits.has(c), base == 16 && hexDigits.has(c):
			r = r*base + rune(hexValue(c))
		default:
			return 0, 0
		}
	}
	return 0, 0
}
