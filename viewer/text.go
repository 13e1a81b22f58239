package viewer

import (
	"fmt"
	"strings"
	"unicode"
)

// visible returns a text of a record with the characters escaped that a page would not show,
// or that would turn other text around.
func visible(text string) string {
	if !strings.ContainsFunc(text, invisible) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if invisible(c) {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// joiners are invisible, but scripts and emoji need them.
const joiners = "\u200c\u200d\ufe0e\ufe0f"

func invisible(c rune) bool {
	switch {
	case c == '\n', c == '\t', c == '\r', strings.ContainsRune(joiners, c):
		return false
	case c == '\ufffd':
		return false
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || c == '\u3164' || c == '\u115f' || c == '\u1160' || c == '\uffa0'
}

// initials returns at most two letters for a name.
func initials(name string) string {
	var letters []rune
	atStart := true
	for _, c := range name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			if atStart {
				letters = append(letters, unicode.ToUpper(c))
			}
			atStart = false
			continue
		}
		atStart = true
	}
	if len(letters) > 2 {
		letters = []rune{letters[0], letters[len(letters)-1]}
	}
	return string(letters)
}

// bytesText returns a number of bytes, such as 12.5 MiB.
func bytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return number(n) + " B"
	}
	size, unit := float64(n)/1024, 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}
