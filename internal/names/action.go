package names

import (
	"strings"

	"github.com/opendeed/audit/internal/limits"
)

// NormalizeAction trims s, lowers its letters and replaces spaces by underscores. The
// result need not be valid: see [ValidAction].
func NormalizeAction(s string) string {
	if ValidAction(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}

// ActionOn returns the action of an operation on a type of target: "article.create" for
// "create" on "article". It lowers letters, and replaces whatever an action cannot have by
// underscores: "bank_account.create" for "bank-account". It reports false if the result
// is not valid, as for a type that starts with a digit or is written in another script.
func ActionOn(targetType, operation string) (action string, ok bool) {
	word := strings.Map(func(r rune) rune {
		switch {
		case r == '.' || r < 0x80 && wordByte[byte(r)]:
			return r
		case r < 0x80:
			return '_'
		default:
			return r // stays invalid: underscores would make one action of many types
		}
	}, strings.ToLower(targetType))
	action = word + "." + operation
	return action, ValidAction(action)
}

// ValidAction reports whether s is a valid action: words of lower-case letters, digits
// and underscores, joined by dots, starting with a letter, at most 128 bytes.
// It is the same as matching
//
//	^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$
func ValidAction(s string) bool {
	if s == "" || len(s) > limits.Action || s[0] < 'a' || s[0] > 'z' {
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

// wordByte marks the bytes that an action's words may have.
var wordByte = func() (in [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789_") {
		in[c] = true
	}
	return in
}()
