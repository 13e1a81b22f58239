package fold_test

import (
	"testing"

	"github.com/opendeed/audit/query/internal/fold"
	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "",
		"Alice@example.10": "ALICE@EXAMPLE.10",
		"cafe\u0301":       "CAF\u00c9",
		"\u212a":           "K",
		"Mi\u017fs":        "MISS",
		"`;\u1fef\u037e":   "`;`;",
		"Stra\u00dfe":      "STRA\u00dfE",
		"οδος":             "ΟΔΟΣ",
		"\u0131":           "\u0131",
		"漢字":               "漢字",
	} {
		assert.Equal(t, want, fold.Text(text), "%q", text)
		assert.Equal(t, fold.Text(text), fold.Text(fold.Text(text)), "%q", text)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	assert.Empty(t, fold.Words(" \t"))
	assert.Equal(t, [][]string{{"a"}, {`jos\xe9`, "jos\xe9"}, {"é"}}, fold.Words(" a\njos\xe9  é"))
}
