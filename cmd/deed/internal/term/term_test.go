package term_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestClean escapes what would act on a terminal, and keeps every script.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                 "plain",
		"Łukasz 漢字 نص 🔒":        "Łukasz 漢字 نص 🔒",
		"\x1b[2J\x1b]0;title\a": `\x1b[2J\x1b]0;title\x07`,
		"a\nb\tc\r":             `a\nb\tc\r`,
		"\u009b31m":             `\u009b31m`,
		"invoice\u202efdp.exe":  `invoice\u202efdp.exe`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"bad \xff byte":         `bad \xff byte`,
		"\U000e0041":            `\udb40\udc41`,
		"\u2028":                `\u2028`,
	} {
		assert.Equal(t, want, term.Clean(text), "%q", text)
	}
}

// TestCleanWriter keeps the meaning of JSON.
func TestCleanWriter(t *testing.T) {
	text := "\u009b31m \u202e \U000e0041 é 漢"
	line, err := json.Marshal(text)
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = term.CleanWriter(&b).Write(append(line, "\r\n"...))
	require.NoError(t, err)
	assert.Equal(t, `"\u009b31m \u202e \udb40\udc41 é 漢"`+"\r\n", b.String())
	var back string
	require.NoError(t, json.Unmarshal(b.Bytes(), &back))
	assert.Equal(t, text, back)
}

func TestFit(t *testing.T) {
	assert.Equal(t, "abc", term.Fit("abc", 3))
	assert.Equal(t, "ab…", term.Fit("abcd", 3))
	assert.Equal(t, "漢…", term.Fit("漢字漢", 4))
	assert.Equal(t, 5, term.Width(term.Pad("漢…", 5)))
	assert.Equal(t, "e\u0301…", term.Fit("e\u0301bc", 2))
	assert.Empty(t, term.Fit("abc", 0))
}

// TestProgress shows how far something is, how fast it is, and how long it takes, in one line that
// it removes.
func TestProgress(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	synctest.Test(t, func(t *testing.T) {
		for what, want := range map[string]string{"records": " 25%  5,000 records  2,500/s  6s left", "": " 25%  4.9 KiB  2.4 KiB/s  6s left"} {
			var b bytes.Buffer
			p := term.NewProgress(&b, what)
			time.Sleep(2 * time.Second)
			p.Update(5000, 0.25)
			p.Update(5001, 0.26) // too soon
			p.Clear()
			assert.Equal(t, "\r\x1b[K"+want+"\r\x1b[K", b.String())
		}
		var b bytes.Buffer
		p := term.NewProgress(&b, "records")
		time.Sleep(2 * time.Second)
		p.Update(5000, -1)
		assert.Equal(t, "\r\x1b[K5,000 records  2,500/s", b.String(), "nobody knows how many there are")
		var none *term.Progress
		none.Update(1, 1)
		none.Clear()
	})
}
