package redact

import (
	"slices"
	"strings"
)

// span is a part of a text, from start to before end.
type span struct{ start, end int }

// findSecrets returns the spans of secrets in the text, in order. They may overlap.
func (d *Redactor) findSecrets(text string, seek uint8) (spans []span) {
	if seek&seekViews == 0 {
		spans = d.findIn(text, seek)
	} else {
		seek |= seekPairs | seekWords | seekTokens | seekBlocks | seekHashes
		folded := fold(text)
		spans = d.findInView(folded, seek, nil)
		if decoded, ok := folded.decode(); ok {
			spans = d.findInView(decoded, seek, spans)
		}
	}
	if len(spans) > 1 {
		slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	}
	return spans
}

// findInView appends the spans of the original in which a view of it has secrets.
func (d *Redactor) findInView(v view, seek uint8, spans []span) []span {
	for _, s := range d.findIn(v.text, seek) {
		spans = append(spans, v.original(s))
	}
	return spans
}

// findIn returns the spans of secrets in the text.
func (d *Redactor) findIn(text string, seek uint8) (spans []span) {
	if seek&seekTokens != 0 {
		spans = findTokens(text, spans)
		if len(text) >= awsSecretLength {
			spans = findSecretKeys(text, spans)
		}
	}
	if seek&seekBlocks != 0 {
		spans = findBlocks(text, spans)
	}
	if seek&seekHashes != 0 {
		spans = findHashes(text, spans)
	}
	if seek&seekWords != 0 {
		spans = d.findProse(text, spans)
		if strings.IndexByte(text, '\n') >= 0 {
			spans = d.findColumns(text, spans)
		}
	}
	if seek&seekPairs != 0 {
		spans = findURLs(text, spans)
		spans = findPuTTY(text, spans)
		spans = d.findPairs(text, spans)
	}
	if seek&seekNumbers != 0 {
		spans = findCards(text, spans)
		spans = findAccounts(text, spans)
		spans = findSocialSecurity(text, spans)
	}
	return spans
}

// replace replaces the secrets at the spans of a text, which are in order.
func (s *Strategy) replace(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		one := spans[i]
		for i++; i < len(spans) && spans[i].start <= one.end; i++ { // they overlap
			one.end = max(one.end, spans[i].end)
		}
		b.WriteString(text[at:one.start])
		b.WriteString(s.text(text[one.start:one.end]))
		at = one.end
	}
	b.WriteString(text[at:])
	return b.String()
}
