package auditvet

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vetTime bounds the go commands.
const vetTime = 5 * time.Minute

var (
	// A comment such as // want `is repeated` says what is found in its line.
	want = regexp.MustCompile("// want `(.*)`$")
	// A finding of go vet. What precedes testdata may be the directory of another clone: with
	// -trimpath, go vet repeats what it printed there.
	found = regexp.MustCompile(`(?m)^(?:[^#\s].*[/\\])?(testdata[/\\].*\.go):(\d+):\d+: (.*)$`)
)

// TestFindings checks that auditvet finds in testdata what the comments say, and no more.
func TestFindings(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob(filepath.Join("testdata", "*", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	wanted, packages := map[string]string{}, map[string]bool{}
	for _, source := range sources {
		packages["./"+filepath.ToSlash(filepath.Dir(source))] = true
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		for i, line := range strings.Split(string(text), "\n") {
			if match := want.FindStringSubmatch(line); match != nil {
				wanted[filepath.ToSlash(source)+":"+strconv.Itoa(i+1)] = match[1]
			}
		}
	}
	require.NotEmpty(t, wanted)

	args := []string{"vet", "-vettool=" + build(t)}
	for name := range packages {
		args = append(args, name)
	}
	findings := run(t, args...)
	for _, match := range found.FindAllStringSubmatch(findings, -1) {
		line := filepath.ToSlash(match[1]) + ":" + match[2]
		pattern, ok := wanted[line]
		if assert.True(t, ok, "%s: %s", line, match[3]) {
			assert.Regexp(t, pattern, match[3], line)
		}
		delete(wanted, line)
	}
	assert.Empty(t, wanted, "not found in:\n%s", findings)
}

// TestDocumentation checks that each check can be asked for its documentation.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	tool := build(t)
	for _, check := range []string{"discarded", "notarget", "repeatedkey", "untagged"} {
		text, err := exec.CommandContext(t.Context(), tool, "help", check).CombinedOutput()
		require.NoError(t, err, check)
		assert.Contains(t, string(text), "\nWrong", check)
		assert.Contains(t, string(text), "\nRight:", check)
	}
}

// build builds auditvet.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "auditvet")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	require.Empty(t, run(t, "build", "-C", filepath.Join("..", "..", "cmd", "auditvet"), "-o", program, "."))
	return program
}

// run runs a go command, which may fail, and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), vetTime)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	require.NoError(t, ctx.Err())
	return string(out)
}
