package record

import "strings"

// NormalizeAction trims s, lowers its letters and replaces spaces by underscores. The
// result need not be valid: see [ValidAction].
func NormalizeAction(s string) string {
	if ValidAction(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}

// ValidAction reports whether s is a valid action: words of lower-case letters, digits
// and underscores, joined by dots, starting with a letter, at most MaxActionLength bytes.
// It is the same as matching
//
//	^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$
func ValidAction(s string) bool {
	if s == "" || len(s) > MaxActionLength || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if wordByte[s[i]] {
			continue
		}
		if s[i] != '.' || s[i-1] == '.' || i+1 == len(s) {
			return false
		}
	}
	return true
}

// wordByte is true for the bytes that the words of an action may contain.
var wordByte = func() (word [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789_") {
		word[c] = true
	}
	return word
}()
