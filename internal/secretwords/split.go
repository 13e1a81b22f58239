package secretwords

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Split returns the words of a name in lower case. A word ends before a character that is
// neither a letter nor a digit, and before a capital that begins a new word, as in apiKey
// and APIKey. A dot is a word too, since account.key is the key of an account, while
// accountKey is an account key.
func Split(name string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	var previous rune
	for i, r := range name {
		switch {
		case !isWordRune(r):
			end()
			if r == '.' {
				words = append(words, ".")
			}
		case unicode.IsUpper(r) && !unicode.IsUpper(previous):
			end()
		case unicode.IsUpper(r):
			rest := name[i+utf8.RuneLen(r):]
			if next, _ := utf8.DecodeRuneInString(rest); unicode.IsLower(next) && !isPluralEnding(rest) {
				end()
			}
		}
		if isWordRune(r) {
			word.WriteRune(unicode.ToLower(r))
		}
		previous = r
	}
	end()
	return words
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isPluralEnding reports whether rest, which follows a run of capitals, begins with the s
// of a plural, as in APIs.
func isPluralEnding(rest string) bool {
	if !strings.HasPrefix(rest, "s") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest[1:])
	return !unicode.IsLower(r)
}
