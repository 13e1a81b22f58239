package secretwords

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Split returns the words of a name in lower case. A word ends before a character that is
// neither a letter nor a digit, and before a capital that begins a new word, as in apiKey
// and APIKey. A dot is a word too, since account.key is the key of an account, while
// accountKey is an account key. The characters are folded: see Fold.
func Split(name string) []string { return split(FoldText(name), startsWord) }

// split returns the words of a name. starts reports where a word starts. It gets each
// character with the one before it and the text after it.
func split(name string, starts func(previous, r rune, rest string) bool) []string {
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
		case starts(previous, r, name[min(i+utf8.RuneLen(r), len(name)):]):
			end()
		}
		if isWordRune(r) {
			word.WriteRune(unicode.ToLower(r))
		}
		previous = r
	}
	end()
	return words
}

// startsWord is the rule of Split.
func startsWord(previous, r rune, rest string) bool {
	return unicode.IsUpper(r) && (!unicode.IsUpper(previous) || endsCapitals(rest))
}

// startsCasedWord is startsWord, but a capital after a letter without case, as in 日Version,
// continues the word.
func startsCasedWord(previous, r rune, rest string) bool {
	cased := unicode.IsLower(previous) || unicode.IsDigit(previous)
	return unicode.IsUpper(r) && (cased || unicode.IsUpper(previous) && endsCapitals(rest))
}

// startsASCIIWord is startsWord for capitals of ASCII only, so that it finds KEY in ÉKEY.
// It knows no plurals.
func startsASCIIWord(previous, r rune, rest string) bool {
	return isCapital(r) && (!isCapital(previous) || rest != "" && 'a' <= rest[0] && rest[0] <= 'z')
}

func isCapital(r rune) bool { return 'A' <= r && r <= 'Z' }

// endsCapitals reports whether the text after a capital makes it the first of a word: APIKey.
func endsCapitals(rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	return unicode.IsLower(next) && !isPluralEnding(rest)
}

// isWordRune reports whether r belongs to a word. The vowel signs of Indic scripts do.
func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r >= utf8.RuneSelf && unicode.Is(unicode.Mc, r)
}

// isPluralEnding reports whether rest, which follows a run of capitals, begins with the s
// of a plural, as in APIs.
func isPluralEnding(rest string) bool {
	if !strings.HasPrefix(rest, "s") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest[1:])
	return !unicode.IsLower(r)
}
