package policy

import "strings"

// Match reports whether all of the text matches the pattern, in which * stands for any
// characters, or none. Nothing else is special. It takes linear time in the length of
// the text for each star.
func Match(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		part, behind, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(part):], behind
	}
}

// patterns match a text if one of them does, or if there are none.
type patterns []string

func (p patterns) match(text string) bool {
	for _, pattern := range p {
		if Match(pattern, text) {
			return true
		}
	}
	return len(p) == 0
}

// cover reports whether p matches everything that q does. A star in a pattern of q is
// matched by a star in p only, which matches what it may stand for as well.
func (p patterns) cover(q patterns) bool {
	if len(p) > 0 && len(q) == 0 {
		return p.match("*")
	}
	for _, pattern := range q {
		if !p.match(pattern) {
			return false
		}
	}
	return true
}
