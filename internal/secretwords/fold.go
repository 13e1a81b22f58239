package secretwords

import (
	"unicode"
	"unicode/utf8"
)

// Fold returns the character that a reader takes r for, so that a name cannot hide in
// another script: the ASCII form of full-width, mathematical and circled characters, the
// base of a letter with a diacritic, and the Latin twin of a Cyrillic or Greek letter.
// Blanks of all kinds become a blank. It returns -1 for a character that nobody sees, such
// as a zero-width space. The vocabulary is folded too, so words of every script match.
func Fold(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ASCII
		return r - 0xFF01 + '!'
	case r >= 0x1D400 && r <= 0x1D6A3: // mathematical letters, 26 capitals and 26 small ones for each style
		if n := (r - 0x1D400) % 52; n < 26 {
			return 'A' + n
		}
		return 'a' + (r-0x1D400)%52 - 26
	case r >= 0x24B6 && r <= 0x24CF: // circled capitals
		return 'A' + r - 0x24B6
	case r >= 0x24D0 && r <= 0x24E9: // circled small letters
		return 'a' + r - 0x24D0
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		return -1
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	if to, ok := twins[r]; ok {
		return to
	}
	if unicode.IsDigit(r) {
		return digit(r)
	}
	return r
}

// digit returns the ASCII form of a decimal digit. Each script has its digits in order.
func digit(r rune) rune {
	if r >= 0x1D7CE && r <= 0x1D7FF { // mathematical digits
		return '0' + (r-0x1D7CE)%10
	}
	n := rune(0)
	for n < 9 && unicode.IsDigit(r-n-1) {
		n++
	}
	return '0' + n
}

// FoldText returns text with all its characters folded.
func FoldText(text string) string {
	if isASCII(text) {
		return text
	}
	folded := make([]rune, 0, len(text))
	for _, r := range text {
		if f := Fold(r); f >= 0 {
			folded = append(folded, f)
		}
	}
	return string(folded)
}

// twins are the ASCII characters that others look like, in one line for each of them.
var twins = func() map[rune]rune {
	m := map[rune]rune{}
	for _, line := range []string{
		"aàáâãäåāăąǎǻαаɑạảấầẩẫậắằẳẵặ", "AÀÁÂÃÄÅĀĂĄǍǺΑАẠẢẤẦẨẪẬẮẰẲẴẶ", "bвβḃ", "BВΒḂ", "cçćĉċčсϲ", "CÇĆĈĊČСϹ",
		"dďđðԁɗ", "DĎĐÐ", "eèéêëēĕėęěеёεẹẻẽếềểễệ", "EÈÉÊËĒĔĖĘĚЕЁΕẸẺẼẾỀỂỄỆ", "fƒ", "gĝğġģɡǥǧ", "GĜĞĠĢǤǦ",
		"hĥħһн", "HĤĦНΗ", "iìíîïĩīĭįıіїιίϊḭỉị", "IÌÍÎÏĨĪĬĮİІЇΙḬỈỊ", "jĵјϳ", "JĴЈ", "kķкκ", "KĶКΚ", "lĺļľŀłӏ", "LĹĻĽĿŁӀ",
		"mм", "MМΜ", "nñńņňŉŋ", "NÑŃŅŇŊΝ", "oòóôõöøōŏőơοоόọỏốồổỗộớờởỡợ", "OÒÓÔÕÖØŌŎŐƠΟОỌỎỐỒỔỖỘỚỜỞỠỢ", "pрρ", "PРΡ",
		"qԛ", "rŕŗř", "RŔŖŘ", "sśŝşšșѕſ", "SŚŜŞŠȘЅ", "tţťŧțтτ", "TŢŤŦȚТΤ", "uùúûüũūŭůűųưυύụủứừửữự", "UÙÚÛÜŨŪŬŮŰŲƯỤỦỨỪỬỮỰ",
		"vνѵ", "wŵԝẁẃẅ", "WŴԜẀẂẄ", "xхχ", "XХΧ", "yýÿŷуўỳỵỷỹ", "YÝŸŶУΥỲỴỶỸ", "zźżž", "ZŹŻŽΖ",
		"aᴀ", "bʙ", "cᴄ", "dᴅ", "eᴇ", "fꜰ", "gɢ", "hʜ", "iɪ", "jᴊ", "kᴋ", "lʟ", "mᴍ", "nɴ", "oᴏ", "pᴘ", "rʀ", "sꜱ", "tᴛ", "uᴜ", "vᴠ", "wᴡ",
		"yʏ", "zᴢ", ":：﹕꞉∶ː։", "=＝﹦⁼꞊→⇒➜➔", "-‐‑‒–—−﹣", `"“”„‟«»`, "'‘’‚‛‹›", ";﹔；", ",，、﹐", "/⁄∕", "@﹫", "&﹠", "\n\u2028\u2029\u0085",
	} {
		var to rune
		for i, r := range line {
			if i == 0 {
				to = r
			} else if r >= utf8.RuneSelf {
				m[r] = to
			}
		}
	}
	return m
}()
