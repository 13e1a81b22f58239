package query

// MayMatchJSON reports whether a record with the JSON may match, without decoding it. It
// looks for the words of the filter, and only rules out records: what it passes must still
// be matched. The JSON must be canonical (record.Record.AppendJSON).
func (m *Matcher) MayMatchJSON(json []byte) bool {
	for _, words := range [...][]word{m.words, m.reasons, m.failures} {
		for i := range words {
			if !words[i].mayBeIn(json) {
				return false
			}
		}
	}
	return true
}

// mayBeIn reports whether JSON has the piece of one of the word's forms.
func (w *word) mayBeIn(json []byte) bool {
	for i := range w.forms {
		if w.forms[i].piece.isIn(json) {
			return true
		}
	}
	return false
}
