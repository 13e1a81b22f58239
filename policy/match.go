package policy

import "strings"

// Match reports whether the pattern matches the whole text. In a pattern, * matches any
// characters, or none; all other characters match themselves. The time that Match takes
// grows at most with the length of the text times the number of stars.
func Match(pattern, text string) bool {
	prefix, pattern, star := strings.Cut(pattern, "*")
	if !star {
		return prefix == text
	}
	if !strings.HasPrefix(text, prefix) {
		return false
	}
	text = text[len(prefix):]
	for {
		part, rest, more := strings.Cut(pattern, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text, pattern = text[at+len(part):], rest
	}
}

// patterns is a list of patterns. An empty list matches everything.
type patterns []string

// matches reports whether one of the patterns matches the text.
func (p patterns) matches(text string) bool {
	for _, pattern := range p {
		if Match(pattern, text) {
			return true
		}
	}
	return len(p) == 0
}

// covers reports whether p matches every text that q matches. It matches the patterns
// of q as if they were texts: only a star in p can match a star in q, and it then
// matches whatever that star does.
func (p patterns) covers(q patterns) bool {
	if len(p) > 0 && len(q) == 0 {
		return p.matches("*")
	}
	for _, pattern := range q {
		if !p.matches(pattern) {
			return false
		}
	}
	return true
}
