package sdk

import (
	"fmt"
	"strings"

	"github.com/opendeed/audit"
)

// globs are patterns of actions, in which * stands for any characters.
type globs []string

func newGlobs(patterns []string) (globs, error) {
	for _, p := range patterns {
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != "" {
			return nil, fmt.Errorf("%q is no pattern of actions: it has lower-case letters, digits, underscores, dots and *", p)
		}
		if !strings.Contains(p, "*") && !audit.ValidAction(p) {
			return nil, fmt.Errorf("%q is no action: it has words of lower-case letters, digits and underscores, joined by dots", p)
		}
	}
	return globs(patterns), nil
}

func (g globs) match(action string) bool {
	for _, p := range g {
		if matchGlob(p, action) {
			return true
		}
	}
	return false
}

// matchGlob takes linear time in the length of s for each star.
func matchGlob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	for {
		part, behind, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s, rest = s[at+len(part):], behind
	}
}
