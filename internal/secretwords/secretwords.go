// Package secretwords decides by its name whether a value is a secret: the key of an
// attribute or of an assignment in a text, the name of a header, a changed field, or a
// route's parameter. The vocabulary is in words.go.
package secretwords

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Strength says how surely a name is that of a secret.
type Strength uint8

// The strengths.
const (
	None   Strength = iota
	Weak            // a short or ambiguous word, such as pin
	Strong          // a word that is hardly used for anything else, such as password
)

// Words is a set of words and phrases that name secrets. It is safe for concurrent use,
// since it never changes.
type Words struct {
	phrases map[string][]phrase // by their first word
}

// phrase is a sequence of words that names a secret.
type phrase struct {
	words  []string
	strong bool // it names a secret wherever it is in a name
}

var (
	keys = Words{}.add(true, strongWords...).add(false, weakWords...).add(true, strongPhrases...).add(true, joined(strongPhrases)...).
		add(false, phrases...).add(false, joined(phrases)...)
	parameters = keys.add(true, parameterWords...)
	foreign    = foreignWords(strongWords, strongPhrases, phrases)
)

// Default returns the words that name secrets in the keys of records.
func Default() Words { return keys }

// add returns w with more phrases, whose words are separated by blanks.
func (w Words) add(strong bool, list ...string) Words {
	all := maps.Clone(w.phrases)
	if all == nil {
		all = map[string][]phrase{}
	}
	for _, text := range list {
		words := strings.Fields(FoldText(text))
		// The slice is copied, because w may share it.
		all[words[0]] = append(append([]phrase(nil), all[words[0]]...), phrase{words, strong})
	}
	return Words{all}
}

// joined returns the phrases as they are written without separators: accountnumber.
func joined(phrases []string) (all []string) {
	for _, text := range phrases {
		if !strings.Contains(text, ".") {
			all = append(all, strings.ReplaceAll(text, " ", ""))
		}
	}
	return all
}

// LastWords returns the words, in lower case, that the names of secrets in the vocabulary
// end with.
func LastWords() (all []string) {
	for _, list := range [][]string{strongWords, weakWords, strongPhrases, phrases} {
		for _, text := range list {
			text = FoldText(text)
			all = append(all, text[strings.LastIndexByte(text, ' ')+1:])
		}
	}
	return all
}

// Directives returns the names, in lower case, for which IsDirective is true.
func Directives() []string { return slices.Sorted(maps.Keys(directives)) }

// IsDirective reports whether the value of a name follows after a blank in a file of configuration,
// even one that is a word of a language: bindpw x.
func IsDirective(name string) bool {
	var lower [maxDirective]byte
	if len(name) > len(lower) {
		return false
	}
	for i := range len(name) {
		lower[i] = name[i]
		if isCapital(rune(name[i])) {
			lower[i] |= 0x20
		}
	}
	return directives[string(lower[:len(name)])]
}

// maxDirective is the length of the longest directive.
const maxDirective = 12

// foreignWords returns the words in other scripts. Such a word is also found within
// another, because these scripts may have no separators.
func foreignWords(lists ...[]string) (all []string) {
	for _, list := range lists {
		for _, text := range list {
			if text = FoldText(strings.ReplaceAll(text, " ", "")); !isASCII(text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// With returns w with more names, in any case style. It returns an error if a name has no
// letters or digits.
func (w Words) With(names ...string) (Words, error) {
	var more []string
	for _, name := range names {
		words := Split(name)
		if len(words) == 0 || words[0] == "." {
			return Words{}, errors.New("a name has no letters or digits")
		}
		more = append(more, strings.Join(words, " "), strings.Join(split(name, startsCasedWord), " "))
	}
	return w.add(true, more...), nil
}

// MatchKey reports whether a key names a secret. A key that only describes a secret, such
// as token_type or has_password, does not.
func (w Words) MatchKey(key string) bool { return w.Match(key) != None }

// Match returns how surely a key names a secret. If its words can be told apart in several
// ways, because it has letters of several scripts, the strongest counts.
func (w Words) Match(key string) Strength {
	s := w.match(Split(key))
	if s == None && w.isWord(strings.ToLower(key)) {
		s = Weak // in an odd case, such as pAssword
	}
	if !isASCII(key) {
		s = max(s, w.match(split(key, startsCasedWord)), w.match(split(FoldText(key), startsCasedWord)))
	}
	return s
}

func (w Words) match(words []string) (found Strength) {
	for i := range words {
		n, s := w.matchLength(words[i:])
		if n == 0 || found >= s {
			continue
		}
		if i > 0 && questions[words[0]] || i > 0 && isOtherThing(words[i-1], words[i], s, n) {
			continue
		}
		if describes(words[i:i+n], words[i+n:], s) {
			if n == 1 || !w.isStrong(words[i]) || describes(words[i:i+1], words[i+1:], Strong) {
				continue // a later phrase may reach to the end
			}
			s = Strong // SECRET_KEY_BASE
		}
		found = s
	}
	return found
}

// isStrong reports whether one word names a secret wherever it is in a name.
func (w Words) isStrong(word string) bool {
	for _, p := range w.phrases[word] {
		if len(p.words) == 1 && p.strong {
			return true
		}
	}
	return false
}

// isOtherThing reports whether the word before a name makes it no secret: has_password,
// max_tokens, shippingPin.
func isOtherThing(before, word string, s Strength, n int) bool {
	switch {
	case harmlessBeginnings[before]:
		return true
	case s == Weak:
		return n == 1 && otherThings[before]
	default:
		return word == "tokens" && countBeginnings[before]
	}
}

// describes reports whether the words after the name of a secret make it a name of
// something else: password_length, token_type, pin_up.
func describes(name, rest []string, s Strength) bool {
	for len(rest) > 0 && (rest[len(rest)-1] == "." || isNumber(rest[len(rest)-1])) {
		rest = rest[:len(rest)-1]
	}
	if len(rest) == 0 {
		return false
	}
	last := strings.TrimRight(rest[len(rest)-1], "0123456789")
	if s == Strong {
		container := rest[0] == "." && (strings.HasSuffix(name[len(name)-1], "s") || rest[min(1, len(rest)-1)] == "value")
		if container {
			return counters[last]
		}
		return harmlessEndings[last] || harmlessBefore[last] && len(rest) > 1 && harmlessEndings[rest[len(rest)-2]]
	}
	for _, word := range rest {
		if word != "." && !isNumber(word) && !carriers[word] {
			return true
		}
	}
	return false
}

// IsParameter reports whether the name of a route's parameter, such as resetToken, names
// a secret. More names do than among keys: a code or a key in a path usually grants
// access. The ID of a key or a token is not a secret, but the ID of a session is. If its
// words can be told apart in several ways, one that names a secret is enough.
func IsParameter(name string) bool {
	return isParameter(Split(name)) || isParameter(split(name, startsASCIIWord))
}

// IsQuery reports whether the name of a parameter in a query, such as code or
// X-Amz-Signature, may be that of a secret. Its value decides.
func IsQuery(name string) bool {
	words := Split(name)
	for i, word := range words {
		n, _ := parameters.matchLength(words[i:])
		if n > 0 && i+n == len(words) && (i == 0 || vendors[words[0]] || words[i] == "signature") {
			return true
		}
		if word == "." {
			return false
		}
	}
	return false
}

func isParameter(words []string) bool {
	for len(words) > 0 && words[len(words)-1] == "." {
		words = words[:len(words)-1]
	}
	for i, word := range words {
		n, s := parameters.matchLength(words[i:])
		if n == 0 || i > 0 && n == 1 && s == Weak && otherThings[words[i-1]] {
			continue
		}
		if i+n == len(words) || words[len(words)-1] != "id" || word == "session" {
			return true
		}
	}
	return false
}

// matchLength returns the number of words in the longest phrase that words begin with, and
// its strength. The number is 0 if they begin with none.
func (w Words) matchLength(words []string) (n int, s Strength) {
	n, s = w.longest(words[0], words)
	if bare := strings.TrimRight(words[0], "0123456789"); n == 0 && bare != "" && bare != words[0] {
		n, s = w.longest(bare, words)
	}
	if n == 0 && w.isJoined(words[0]) {
		return 1, Strong
	}
	return n, s
}

// longest is matchLength for a first word that may have lost its digits.
func (w Words) longest(first string, words []string) (n int, s Strength) {
phrases:
	for _, p := range w.phrases[first] {
		if len(p.words) > len(words) {
			continue
		}
		for i := 1; i < len(p.words); i++ {
			word := strings.TrimRight(words[i], "0123456789")
			if p.words[i] != words[i] && p.words[i] != word && p.words[i] != strings.TrimSuffix(word, "s") {
				continue phrases
			}
		}
		if len(p.words) > n {
			n, s = len(p.words), Weak
		}
		if len(p.words) == n && p.strong {
			s = Strong
		}
	}
	return n, s
}

// maxJoined is the length of the longest word that is taken apart.
const maxJoined = 48

// isJoined reports whether the word is made of several that together name a secret:
// dbpassword, userpass. What describes a secret, such as passwordlength, is none.
func (w Words) isJoined(word string) bool {
	word = strings.TrimRight(word, "0123456789")
	for _, part := range parts {
		if i := strings.Index(word, part); i >= 0 && !harmlessEndings[word[i+len(part):]] {
			return true
		}
	}
	for _, ending := range endings {
		if strings.HasSuffix(word, ending) {
			return true
		}
	}
	if !isASCII(word) {
		for _, part := range foreign {
			if strings.Contains(word, part) {
				return true
			}
		}
	}
	if len(word) > maxJoined {
		return false
	}
	for i := range len(word) {
		if i > 0 && !qualifiers[word[:i]] {
			continue
		}
		for j := len(word); j > i+1; j-- {
			if (j == len(word) || carriers[word[j:]]) && j-i < len(word) && w.isWord(word[i:j]) {
				return true
			}
		}
	}
	return false
}

// isWord reports whether one word names a secret.
func (w Words) isWord(word string) bool {
	for _, p := range w.phrases[word] {
		if len(p.words) == 1 {
			return true
		}
	}
	return false
}

func isNumber(word string) bool { return strings.Trim(word, "0123456789") == "" }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
