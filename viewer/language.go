package viewer

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/policy"
)

// Language has the words and sentences of the pages.
//
//	viewer.Language{
//		Tag:   "de",
//		Words: map[string]string{"Timeline": "Verlauf", "Tuesday": "Dienstag"},
//		Sentences: map[string]viewer.Sentence{
//			"article.publish": {Success: "{actor} hat {target} veröffentlicht"},
//		},
//	}
type Language struct {
	// Tag is the tag of the language, such as "en" or "pt-BR".
	Tag string
	// Words are translations of the English words and phrases of the pages, which [Phrases]
	// returns. What is missing is shown in English.
	Words map[string]string
	// Sentences are those of actions. A key is an action, or a pattern as in policy.Match; of
	// the patterns that match, the longest counts. English has a sentence for each action
	// without them.
	Sentences map[string]Sentence
}

// Sentence says for people what happened. These names in braces are replaced: {actor},
// {target}, {action}, {address}, {channel}, {tenant}, {route}, {changed} for the fields that
// changed, {count} for the number of a bulk change, and {metadata.KEY}.
//
//	{actor} published {target}
//
// One that is empty is replaced by a sentence that only names the action.
type Sentence struct {
	Success, Failure, Denied string
	// Unknown is for an outcome that is not known, and Begun for the beginning of an attempt.
	Unknown, Begun string
}

func english() Language { return Language{Tag: "en"} }

//go:embed phrases.txt
var phrases string

// Phrases returns the English words and phrases of the pages, sorted. They are the keys of
// [Language].Words, so what such a map lacks of them is not translated yet. Where one has %s or %d,
// a text or a number is put in; a translation has the same, and may change their order as in
// "%[2]s %[1]s".
//
// Names of actions, and why an address is not understood, are not among them.
func Phrases() []string { return strings.Split(strings.TrimSuffix(phrases, "\n"), "\n") }

func (l *Language) validate() error {
	if l.Tag == "" {
		return fmt.Errorf("viewer: WithLanguage: Tag is missing; it is that of the language, such as en")
	}
	for english, text := range l.Words {
		if !sameVerbs(english, text) {
			return fmt.Errorf("viewer: WithLanguage: the translation of %q needs the same %%s and %%d", english)
		}
	}
	for action, s := range l.Sentences {
		for _, text := range []string{s.Success, s.Failure, s.Denied, s.Unknown, s.Begun} {
			if err := checkSentence(text); err != nil {
				return fmt.Errorf("viewer: WithLanguage: the sentence of %s: %w", action, err)
			}
		}
	}
	return nil
}

// sameVerbs reports whether a translation can be filled as the phrase is. One without a verb is
// shown as it is.
func sameVerbs(english, text string) bool {
	var values []any
	for i := range len(english) - 1 {
		switch english[i : i+2] {
		case "%s":
			values = append(values, "")
		case "%d":
			values = append(values, 0)
		}
	}
	return len(values) == 0 || !strings.Contains(fmt.Sprintf(text, values...), "%!")
}

// isEnglish reports whether sentences can be made of the words of an action.
func (l *Language) isEnglish() bool { return l.Tag == "en" || strings.HasPrefix(l.Tag, "en-") }

// word translates a word or a phrase.
func (l *Language) word(english string) string {
	if text, ok := l.Words[english]; ok {
		return text
	}
	return english
}

// phrase translates a phrase with a verb for a number or a text.
func (l *Language) phrase(english string, args ...any) string {
	return fmt.Sprintf(l.word(english), args...)
}

// amount translates a phrase about a number, with a verb for the number where it is not 1.
func (l *Language) amount(n int64, one, many string) string {
	if n == 1 {
		return l.word(one)
	}
	return l.phrase(many, number(n))
}

// sentence returns the sentences of an action.
func (l *Language) sentence(action string) (s Sentence, ok bool) {
	if s, ok := l.Sentences[action]; ok {
		return s, true
	}
	longest := -1
	for pattern, candidate := range l.Sentences {
		if len(pattern) > longest && policy.Match(pattern, action) {
			s, longest = candidate, len(pattern)
		}
	}
	return s, longest >= 0
}

// date returns a day for people, such as Thursday, 26 November 2026.
func (l *Language) date(t time.Time) string {
	return l.word(t.Weekday().String()) + ", " + strconv.Itoa(t.Day()) + " " + l.word(t.Month().String()) + " " + strconv.Itoa(t.Year())
}

// ago returns how long before now a time is, such as 5 minutes ago.
func (l *Language) ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < -time.Minute:
		return l.word("in the future")
	case d < 10*time.Second:
		return l.word("just now")
	case d < time.Minute:
		return l.amount(int64(d/time.Second), "1 second ago", "%s seconds ago")
	case d < time.Hour:
		return l.amount(int64(d/time.Minute), "1 minute ago", "%s minutes ago")
	case d < day:
		return l.amount(int64(d/time.Hour), "1 hour ago", "%s hours ago")
	case d < 60*day:
		return l.amount(int64(d/day), "1 day ago", "%s days ago")
	case d < 730*day:
		return l.phrase("%s months ago", number(int64(d/(30*day))))
	}
	return l.phrase("%s years ago", number(int64(d/(365*day))))
}

// number returns a number with its digits in groups.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && c != '-' && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
