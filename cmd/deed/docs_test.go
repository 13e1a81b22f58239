package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documents are those whose examples the test runs.
var documents = []string{filepath.Join("..", "..", "docs", "deed.md"), filepath.Join("..", "..", "README.md")}

var console = regexp.MustCompile("(?ms)^```console\n(.*?)^```\n")

// TestDocuments runs the commands of the documents on the ledger of testdata/shop.jsonl, on a
// terminal of 100 columns, and compares what they print. With UPDATE_SCRIPTS it writes that
// into the document instead.
func TestDocuments(t *testing.T) {
	for _, doc := range documents {
		t.Run(filepath.Base(doc), func(t *testing.T) { testDocument(t, doc) })
	}
}

func testDocument(t *testing.T, doc string) {
	t.Helper()
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	records, err := os.ReadFile(filepath.Join("testdata", "shop.jsonl"))
	require.NoError(t, err)
	var script strings.Builder
	script.WriteString("env DEED_COLUMNS=100\nledger audit-ledger shop.jsonl\n")
	blocks := console.FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				script.WriteString("run " + strings.ReplaceAll(strings.TrimSpace(command), `"`, "'") + "\n")
			}
		}
	}
	script.WriteString("-- shop.jsonl --\n")
	script.Write(records)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "document.txtar"), []byte(script.String()), 0o600))

	var printed []string
	t.Run("run", func(t *testing.T) { // which waits for the script
		testscript.Run(t, params(dir, &printed))
	})
	t.Run("compare", func(t *testing.T) { compare(t, doc, string(text), printed) })
}

// params runs the script in dir, and collects what each of its commands prints.
func params(dir string, printed *[]string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TERM", "dumb")
			env.Setenv("DEED_INDEX_CACHE", "none")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ledger": makeLedger,
			"run": func(ts *testscript.TestScript, _ bool, args []string) {
				_ = ts.Exec(args[0], args[1:]...) // the exit code is no part of the document
				*printed = append(*printed, strings.ReplaceAll(ts.ReadFile("stdout"), "\r\n", "\n"))
			},
		},
	}
}

func compare(t *testing.T, doc, text string, printed []string) {
	t.Helper()
	n := 0
	updated := console.ReplaceAllStringFunc(text, func(block string) string {
		var b strings.Builder
		b.WriteString("```console\n")
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "$ ") {
				require.Less(t, n, len(printed))
				b.WriteString(line + stable(printed[n]))
				n++
			}
		}
		b.WriteString("```\n")
		return b.String()
	})
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.WriteFile(doc, []byte(updated), 0o644))
		return
	}
	assert.Equal(t, updated, text)
}

// stable replaces what differs in each run.
func stable(text string) string {
	return strings.ReplaceAll(text, time.Now().UTC().Format("2006-01-02"), "2026-11-27")
}
