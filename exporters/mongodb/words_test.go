package mongodb

import (
	"regexp"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzWordPattern checks that a server finds every text that the filter matches.
func FuzzWordPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"caf\u00e9s", "two CAFE\u0301S"},
		{"kiss", "\u212aI\u017f\u017f"},
		{"`a;", "\u1fefa\u037e"},
		{"a.*[b]", "A.*[B]"},
		{"jos\xe9", `jos\xe9`},
		{`jos\xe9`, `jos\xe9`},
		{"a\u0323\u0301b", "\u00e1\u0323b"},
		{"nul\x00x", "nul\x00x"},
		{"", "no condition matches any text"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, word, text string) {
		filter := query.Filter{Reason: word}
		r := &record.Record{Event: audit.Event{Reason: record.EscapeText(text)}}
		if filter.Validate() != nil || !filter.Matches(r) {
			return
		}
		c := &conditions{exact: true}
		c.words(word, []string{"reason"}, nil)
		require.Equal(t, word == "", c.exact, "a server finds no words exactly")
		for _, w := range regexp.MustCompile(`\S+`).FindAllString(word, -1) {
			if pattern, ok := wordPattern(w); ok {
				require.Regexp(t, pattern, r.Reason)
			}
		}
	})
}

func TestWordPattern(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"a1":        `[aA]1`,
		"Ask":       `[aA][sS\x{17f}][kK\x{212a}]`,
		"caf\u00e9": `[cC][aA][fF]`,
		"a\u00e9b":  `[aA](?s:.+)[bB]`,
		"a.b":       `[aA]\.[bB]`,
		"x\xe9":     `[xX]\\[xX][eE]9`,
	} {
		got, ok := wordPattern(word)
		assert.True(t, ok)
		assert.Equal(t, want, got, word)
	}
	_, ok := wordPattern("\u6f22\u5b57")
	assert.False(t, ok, "the server cannot search")
}

// TestNotIsPushedDownOnlyIfExact: a server must not exclude what the filter does not.
func TestNotIsPushedDownOnlyIfExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		excluded query.Filter
		pushed   bool
	}{
		{query.Filter{Channels: []string{"api"}}, true},
		{query.Filter{Stages: []query.Stage{query.StageNone}}, true},
		{query.Filter{Stages: []query.Stage{query.StageEnd}}, false},
		{query.Filter{Text: "a"}, false},
		{query.Filter{Channels: []string{"api"}, Reason: "a"}, false},
		{query.Filter{Targets: []audit.Target{{Type: "article", ID: "1"}}}, true},
		{query.Filter{Targets: []audit.Target{{Type: "article", ID: string(make([]byte, 2000))}}}, false},
	} {
		f := serverFilter(&query.Filter{Not: []query.Filter{tt.excluded}}, true)
		assert.Equal(t, tt.pushed, len(f) > 0, "%v", tt.excluded)
	}
	assert.Empty(t, serverFilter(&query.Filter{Not: []query.Filter{{Targets: []audit.Target{{Type: "article", ID: "1"}}}}}, false))
}
