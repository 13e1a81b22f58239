// Package secretwords decides by its name whether a value is a secret: the key of an
// attribute, the name of a changed field, or the name of a route's parameter.
package secretwords

import (
	"errors"
	"maps"
	"strings"
	"unicode/utf8"
)

// Words is a set of words and phrases that name secrets. It is safe for concurrent use,
// since it never changes.
type Words struct {
	phrases map[string][][]string // by their first word
}

var (
	keys       = Words{}.add(words, phrases)
	parameters = keys.add(parameterWords)
)

// Default returns the words that name secrets in the keys of records.
func Default() Words { return keys }

// add returns w with more phrases, whose words are separated by blanks.
func (w Words) add(lists ...[]string) Words {
	all := maps.Clone(w.phrases)
	if all == nil {
		all = map[string][][]string{}
	}
	for _, list := range lists {
		for _, phrase := range list {
			words := strings.Fields(phrase)
			// The slice is copied, because w may share it.
			all[words[0]] = append(append([][]string(nil), all[words[0]]...), words)
		}
	}
	return Words{all}
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
	return w.add(more), nil
}

// MatchKey reports whether a key names a secret. A key that only describes a secret, such
// as token_type or has_password, does not. If its words can be told apart in several ways,
// because it has letters without case, one that names a secret is enough.
func (w Words) MatchKey(key string) bool {
	return w.matchKey(Split(key)) || !isASCII(key) && w.matchKey(split(key, startsCasedWord))
}

func (w Words) matchKey(words []string) bool {
	for i, word := range words {
		n := w.matchLength(words[i:])
		switch {
		case n == 0:
			continue
		case i+n < len(words) && harmlessEndings[words[len(words)-1]]:
			continue // a later phrase may reach to the end
		case i > 0 && harmlessBeginnings[words[i-1]]:
			continue
		case i > 0 && word == "tokens" && countBeginnings[words[i-1]]:
			continue
		}
		return true
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

func isParameter(words []string) bool {
	for len(words) > 0 && words[len(words)-1] == "." {
		words = words[:len(words)-1]
	}
	for i, word := range words {
		n := parameters.matchLength(words[i:])
		if n == 0 {
			continue
		}
		if i+n == len(words) || words[len(words)-1] != "id" || word == "session" {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// matchLength returns the number of words in the longest phrase that words begin with,
// or 0.
func (w Words) matchLength(words []string) (n int) {
phrases:
	for _, phrase := range w.phrases[words[0]] {
		if len(phrase) > len(words) {
			continue
		}
		for i := range phrase {
			if phrase[i] != words[i] {
				continue phrases
			}
		}
		n = max(n, len(phrase))
	}
	if n == 0 && containsSecret(words[0]) {
		return 1
	}
	return n
}

// containsSecret reports whether a word contains a secret word that was joined to others.
func containsSecret(word string) bool {
	for _, part := range parts {
		if strings.Contains(word, part) {
			return true
		}
	}
	for _, ending := range endings {
		if strings.HasSuffix(word, ending) {
			return true
		}
	}
	return false
}
