package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo-terminal that is 100 columns wide.
func openTerminal(t *testing.T) (control, terminal *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("no pseudo-terminals: ", err)
	}
	require.NoError(t, err)
	fd := int(control.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}))
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return control, terminal
}

// onTerminal runs deed with standard output and standard error on a terminal, and returns what that
// gets. Without both, standard output is elsewhere.
func (p process) onTerminal(both bool, variables []string, args ...string) string {
	p.t.Helper()
	control, terminal := openTerminal(p.t)
	defer control.Close()
	cmd := p.command(args...)
	cmd.Env = append(append(cmd.Env, "TERM=xterm", "NO_COLOR=", "DEED_COLUMNS="), variables...)
	if cmd.Stderr = terminal; both {
		cmd.Stdout = terminal
	}
	require.NoError(p.t, cmd.Start())
	require.NoError(p.t, terminal.Close())
	text, _ := io.ReadAll(control) // it ends with an error once nobody has the terminal
	require.NoError(p.t, cmd.Wait())
	return string(text)
}

var color = regexp.MustCompile(`\x1b\[[0-9]*m`)

// TestTerminal looks at what a terminal gets: tables and charts with colors unless somebody wants
// none, and progress.
func TestTerminal(t *testing.T) {
	deed := process{t, t.TempDir()}
	writeRecords(t, filepath.Join(deed.dir, "audit-ledger"), 5000, "")

	table := deed.onTerminal(true, nil, "query", "--limit", "3")
	assert.Contains(t, table, "OUTCOME")
	assert.Regexp(t, color, table)
	chart := deed.onTerminal(true, nil, "stats", "--by", "outcome")
	assert.Contains(t, chart, "\x1b[1mBy outcome\x1b[0m")
	assert.Contains(t, chart, "\x1b[36m█")
	for name, plain := range map[string]string{
		"--no-color": deed.onTerminal(true, nil, "query", "--limit", "3", "--no-color"),
		"NO_COLOR":   deed.onTerminal(true, []string{"NO_COLOR=1"}, "query", "--limit", "3"),
		"dumb":       deed.onTerminal(true, []string{"TERM=dumb"}, "query", "--limit", "3"),
	} {
		assert.Contains(t, plain, "OUTCOME", name)
		assert.NotRegexp(t, color, plain, name)
	}

	export := deed.onTerminal(false, nil, "export", "--out", "export.csv")
	assert.Regexp(t, `\r\x1b\[K[0-9,]+ records  [0-9,]+/s`, export)
	assert.Contains(t, export, "-- export.csv: 5,000 records")
	assert.Empty(t, deed.onTerminal(false, nil, "export", "--out", "quiet.csv", "--quiet"))
	assert.Regexp(t, `\r\x1b\[K[0-9,]+ entries  [0-9,]+/s`, deed.onTerminal(false, nil, "ledger", "scrub", "audit-ledger"))
	assert.Regexp(t, `\r\x1b\[K[0-9,]+ records  [0-9,]+/s`, deed.onTerminal(false, nil, "stats", "--not", "target=invoice/1"))
}
