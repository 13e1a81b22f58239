package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/test/loopback"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runnableDocs are the documents whose commands are run, each in an empty directory.
var runnableDocs = []string{"README.md", "docs/getting-started.md", "docs/write-an-exporter.md"}

// commandsTime bounds the commands of one document.
const commandsTime = 3 * time.Minute

// TestDocumentedCommands follows each document to the letter in an empty directory: it
// saves the files that the document says to save, runs the commands, and compares what
// they print. The one deviation is that the module is this checkout.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			require.Empty(t, os.Getenv("CI"), "%s is not installed", program)
			t.Skip(program + " is not installed")
		}
	}
	for _, doc := range runnableDocs {
		t.Run(filepath.Base(doc), func(t *testing.T) {
			t.Parallel()
			follow(t, doc)
		})
	}
}

// documentedAddress is where the services of the documentation listen.
const documentedAddress = "127.0.0.1:8080"

func follow(t *testing.T, doc string) {
	t.Helper()
	outputs := t.TempDir()
	address, err := loopback.FreeAddress()
	require.NoError(t, err)
	blocks := blocksOf(t, doc)
	script := shellPrelude
	commands := 0
	for i, b := range blocks {
		body := strings.ReplaceAll(b.body, documentedAddress, address)
		switch {
		case b.file != "":
			staged := filepath.Join(outputs, fmt.Sprintf("%d.file", i))
			require.NoError(t, os.WriteFile(staged, []byte(body), 0o600))
			script += fmt.Sprintf("mkdir -p %q\ncp %q %q\n", filepath.Dir(b.file), staged, b.file)
		case b.language == "sh" && !b.skip:
			commands++
			script += fmt.Sprintf("echo '%s:%d' >&2\n{\n%s} >%q\n", doc, b.line, body, outputFile(outputs, i))
		}
	}
	require.NotZero(t, commands, doc)

	ctx, cancel := context.WithTimeout(t.Context(), commandsTime)
	defer cancel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	sh := exec.CommandContext(ctx, "sh", "-c", script)
	sh.Dir = t.TempDir()
	sh.Env = append(os.Environ(), "AUDIT_ROOT="+root, "GOWORK=off", "GOFLAGS=-buildvcs=false -trimpath -count=1")
	sh.Cancel = func() error { return sh.Process.Signal(os.Interrupt) } // the script ends what it started
	sh.WaitDelay = 10 * time.Second
	out, err := sh.CombinedOutput()
	require.NoError(t, err, "%s", out)

	for _, b := range blocks {
		if b.language != "text" || b.previous < 0 || blocks[b.previous].language != "sh" || blocks[b.previous].skip {
			continue
		}
		printed, err := os.ReadFile(outputFile(outputs, b.previous))
		require.NoError(t, err)
		assert.Equal(t, normalize(b.body), normalize(string(printed)), "%s:%d", b.doc, b.line)
	}
}

// shellPrelude makes the go command use this checkout, whose checksums are known. It ends
// the services that a failed command leaves running.
const shellPrelude = `set -eu
trap 'exit 1' INT TERM
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
go() {
	case "${1-} ${2-}" in
	"mod init")
		command go "$@"
		command go mod edit -replace "github.com/opendeed/audit=$AUDIT_ROOT"
		cp "$AUDIT_ROOT/go.sum" .
		;;
	"get github.com/opendeed/audit")
		command go mod edit -require github.com/opendeed/audit@v0.0.0
		;;
	*)
		command go "$@"
		;;
	esac
}
`

func outputFile(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%d.out", i)) }

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// normalize replaces what differs between two runs.
func normalize(text string) string {
	return timestamp.ReplaceAllString(text, "TIME")
}

var (
	makeTarget  = regexp.MustCompile(`(?m)^([a-z-]+):`)
	quotedMake  = regexp.MustCompile("`make ([a-z-]+)")
	makeCommand = regexp.MustCompile(`(?m)^make ([a-z-]+)`)
)

// untested are the beginnings of commands that no test runs: of make, of a cluster, of a server,
// of benchmarks, and of our commands, which are not released yet.
var untested = regexp.MustCompile(`^(make|kubectl|deed serve|go test -run '\^\$'|go install \S*/(auditvet|deed)@|go vet -vettool=.*auditvet)`)

// TestOtherCommands checks the commands that documents skip: they are of the few kinds that no
// test runs, and the targets of make exist.
func TestOtherCommands(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, match := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets[match[1]] = true
	}
	for _, path := range documents(t) {
		doc := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		used := quotedMake.FindAllStringSubmatch(string(text), -1)
		for _, b := range blocksOf(t, doc) {
			if b.language != "sh" {
				continue
			}
			used = append(used, makeCommand.FindAllStringSubmatch(b.body, -1)...)
			for line := range strings.Lines(b.body) {
				if b.skip {
					assert.Regexp(t, untested, strings.TrimSpace(line), "%s:%d: a test can run it", doc, b.line)
				}
			}
		}
		for _, match := range used {
			assert.True(t, targets[match[1]], "%s: make %s", doc, match[1])
		}
	}
}
