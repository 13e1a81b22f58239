package mongodb

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/text/unicode/norm"
)

// searched are the members that query.Filter.Text searches.
var searched = []string{
	"action", "actor.id", "actor.name", "actor.on_behalf_of.id", "actor.on_behalf_of.name",
	"target.type", "target.id", "target.name", "covers.type", "covers.id", "covers.name",
	"reason", "failure", "tenant", "channel", "bulk.selector", "bulk.sample",
	"changes.field", "changes.old", "changes.new", "metadata.v",
}

// unsearched are members that may have texts at any depth, where a server cannot search. A
// document that has one is always a candidate.
var unsearched = []string{
	"actor.on_behalf_of.on_behalf_of",
	"changes.old.map", "changes.old.slice", "changes.new.map", "changes.new.slice",
	"metadata.v.map", "metadata.v.slice",
}

// words adds, for each word of the text, the condition that one of the members has it.
func (c *conditions) words(text string, members, unsearched []string) {
	for word := range strings.FieldsSeq(text) {
		c.exact = false
		pattern, ok := wordPattern(word)
		if !ok {
			continue
		}
		var alternatives bson.A
		for _, member := range members {
			alternatives = append(alternatives, bson.D{{Key: member, Value: bson.Regex{Pattern: pattern}}})
		}
		for _, member := range unsearched {
			alternatives = append(alternatives, bson.D{{Key: member, Value: bson.D{{Key: "$exists", Value: true}}}})
		}
		c.or(alternatives)
	}
}

// wordPattern returns a regular expression that matches all texts with the word, in any case
// and Unicode normalization. It reports false if the word has no ASCII for the server to
// search.
func wordPattern(word string) (pattern string, ok bool) {
	forms := formsOf(word, record.EscapeText)
	for i, form := range forms {
		if forms[i], ok = looseForm(norm.NFC.String(form)); !ok {
			return "", false
		}
	}
	return strings.Join(forms, "|"), true
}

// looseForm returns an expression for a text in normalization form C. What is not printable
// ASCII matches any characters: normalization and case change it in too many ways.
func looseForm(text string) (expression string, ok bool) {
	var b strings.Builder
	gap := false
	for _, r := range text {
		if r < ' ' || r >= utf8.RuneSelf {
			gap = true
			continue
		}
		if gap && ok {
			b.WriteString("(?s:.+)")
		}
		gap, ok = false, true
		b.WriteString(looseCharacter(r))
	}
	return b.String(), ok
}

// looseCharacter returns an expression for the characters that are equal to an ASCII one but
// for case and normalization.
func looseCharacter(r rune) string {
	switch lower := r | 0x20; {
	case r == '`':
		return "[`\\x{1fef}]"
	case r == ';':
		return "[;\\x{37e}]"
	case lower == 'k':
		return "[kK\\x{212a}]"
	case lower == 's':
		return "[sS\\x{17f}]"
	case 'a' <= lower && lower <= 'z' && (r == lower || r == lower-0x20):
		return "[" + string(lower) + string(lower-0x20) + "]"
	}
	return regexp.QuoteMeta(string(r))
}
