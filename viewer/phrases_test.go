package viewer

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/history"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write phrases.txt")

// TestPhrases: the list for translators has every text that templates and code ask for, and no
// other.
func TestPhrases(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	inTemplates(t, asked)
	inCode(t, asked)
	want := slices.Sorted(maps.Keys(asked))
	if *update {
		require.NoError(t, os.WriteFile("phrases.txt", []byte(strings.Join(want, "\n")+"\n"), 0o600))
		return
	}
	assert.Equal(t, want, Phrases(), "go test -run TestPhrases ./viewer -update writes the list")
}

// inTemplates adds what templates ask for.
func inTemplates(t *testing.T, asked map[string]bool) {
	t.Helper()
	call := regexp.MustCompile(`[{ (](tf?) ("(?:[^"\\]|\\.)*"|[^"])`)
	require.NoError(t, fs.WalkDir(templateFiles, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := fs.ReadFile(templateFiles, path)
		for _, action := range regexp.MustCompile(`{{.*?}}`).FindAllString(string(source), -1) {
			for _, match := range call.FindAllStringSubmatch(action, -1) {
				text, err := strconv.Unquote(match[2])
				require.NoError(t, err, "%s: %s: a template asks for a text that is written there", path, action)
				asked[text] = true
			}
		}
		return err
	}))
}

// texts are the arguments of functions that are translated.
var texts = map[string][]int{"word": {0}, "phrase": {0}, "t": {0}, "amount": {1, 2}, "problemf": {1, 2}}

// inCode adds what code asks for.
func inCode(t *testing.T, asked map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	computed := computedTexts()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, i := range texts[nameOfCall(call)] {
				if literal, ok := call.Args[i].(*ast.BasicLit); ok {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					asked[text] = true
					continue
				}
				several, ok := computed[types.ExprString(call.Args[i])]
				assert.True(t, ok, "%s asks for %s: add what that may be", file, types.ExprString(call.Args[i]))
				for _, text := range several {
					asked[text] = true
				}
			}
			return true
		})
	}
	delete(asked, "%s") // texts that were translated
	delete(asked, "%v.")
}

func nameOfCall(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// computedTexts are the texts that code asks for by an expression.
func computedTexts() map[string][]string {
	var months, weekdays, conditions, titles, explanations, empty, existence []string
	for m := time.January; m <= time.December; m++ {
		months = append(months, m.String())
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		weekdays = append(weekdays, d.String())
	}
	for _, c := range ask.Conditions() {
		conditions = append(conditions, chipName(c.Name))
	}
	for _, name := range []string{"text", "not", "looks", "asof"} {
		conditions = append(conditions, chipName(name))
	}
	for _, w := range watchlist {
		titles, explanations, empty = append(titles, w.title), append(explanations, w.explanation), append(empty, w.empty)
	}
	for _, of := range existenceTexts {
		existence = slices.AppendSeq(existence, maps.Values(of))
	}
	var facets []string
	for _, p := range slices.Concat(timelineFacets, actorFacets) {
		facets = append(facets, p.title)
	}
	outcomes := wordsOf(audit.Outcome.String, audit.Outcome.Valid)
	known := func(s string) bool { return !strings.Contains(s, "(") }
	return map[string][]string{
		"english": nil, "one": nil, "many": nil, "text": nil, "why": nil, // of who calls
		"t.Month().String()": months, "local.Month().String()": months, "weekday.String()": weekdays, "t.Weekday().String()": weekdays,
		"chipName(name)": conditions, "w.title": titles, "w.explanation": explanations, "w.empty": empty,
		"p.title": facets, "p.text": nil, // of a problem: where it is made
		"gapTexts[gap]": slices.Collect(maps.Values(gapTexts)), "markTexts[m.Kind]": slices.Collect(maps.Values(markTexts)),
		"existenceTexts[data.AsOf == \"\"][state.Exists]": existence,
		"value.Value": outcomes, "r.Outcome.String()": outcomes,
		"r.Operation.String()":    wordsOf(audit.Operation.String, audit.Operation.Valid),
		"version.Effect.String()": wordsOf(history.Effect.String, func(e history.Effect) bool { return known(e.String()) }),
		"value.Status.String()":   wordsOf(history.Status.String, func(s history.Status) bool { return known(s.String()) }),
	}
}

// wordsOf returns the words of all constants of a type.
func wordsOf[T ~uint8](word func(T) string, valid func(T) bool) (words []string) {
	for c := range T(255) {
		if valid(c) {
			words = append(words, word(c))
		}
	}
	return words
}
