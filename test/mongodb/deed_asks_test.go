package mongodb_test

import (
	"bufio"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shopRecords returns the records of the command's examples.
func shopRecords(t *testing.T) []*record.Record {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "cmd", "deed", "testdata", "shop.jsonl"))
	require.NoError(t, err)
	var records []*record.Record
	for line := range strings.Lines(string(b)) {
		r := new(record.Record)
		require.NoError(t, r.UnmarshalJSON([]byte(strings.TrimSpace(line))))
		records = append(records, r)
	}
	return records
}

// asking runs the command in a directory, and asks one store.
type asking struct{ program, dir, from string }

func (a *asking) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, a.program, args...)
	cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "DEED_FROM="+a.from)
	return cmd
}

// run returns what the command prints, and its exit code.
func (a *asking) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := a.command(t.Context(), args...).Output()
	failed, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		require.NoError(t, err)
		return string(out), 0
	}
	assert.Less(t, failed.ExitCode(), 2, "%s: %s", args, failed.Stderr)
	return string(out), failed.ExitCode()
}

// TestDeedAsks: the command answers from a collection as it does from a ledger with the same
// records.
func TestDeedAsks(t *testing.T) {
	program, dir := buildDeed(t), t.TempDir()
	records := shopRecords(t)
	l, err := ledger.Open(filepath.Join(dir, "audit-ledger"), ledger.WithScrub(0))
	require.NoError(t, err)
	for _, r := range records {
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		_, err = l.Append(t.Context(), b)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	coll := newCollection(t, connect(t, serverURI))
	e, err := mongodb.New(t.Context(), coll)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, e.Export(t.Context(), records))
	u, err := url.Parse(serverURI)
	require.NoError(t, err)
	u.Path = "/" + coll.Database().Name() + "." + coll.Name()
	inLedger, inMongoDB := &asking{program, dir, "audit-ledger"}, &asking{program, dir, u.String()}

	for _, args := range [][]string{
		{"query", "--format", "json"},
		{"query", "--format", "table", "--oldest", "--limit", "2"},
		{"query", "--actor", "user/alice", "--not", "action=user.*"},
		{"query", "--target", "invoice/1001", "--changed", "amount"},
		{"query", "--outcome", "denied", "--format", "text"},
		{"query", "--text", "supplier"},
		{"query", "--on", "2026-11-21", "--format", "csv"},
		{"query", "--actor", "nobody"},
		{"show", records[2].ID.String()},
		{"history", "invoice/1001"},
		{"asof", "invoice/1001", "2026-11-20T12:00"},
		{"stats", "--by", "actor,outcome,action,hour"},
		{"tail", "-n", "3", "--format", "json"},
	} {
		want, code := inLedger.run(t, args...)
		got, gotCode := inMongoDB.run(t, args...)
		assert.Equal(t, want, got, "%s", args)
		assert.Equal(t, code, gotCode, "%s", args)
		if !slices.Contains(args, "nobody") {
			assert.NotEmpty(t, want, "%s", args)
		}
	}

	for _, format := range []string{"csv", "jsonl"} {
		var files []string
		for i, a := range []*asking{inLedger, inMongoDB} {
			out := string(rune('a'+i)) + "." + format
			a.run(t, "export", "--until", "2026-12-01", "--out", out, "--quiet")
			b, err := os.ReadFile(filepath.Join(dir, out))
			require.NoError(t, err)
			files = append(files, string(b))
			manifest, err := os.ReadFile(filepath.Join(dir, out+".manifest.json"))
			require.NoError(t, err)
			assert.Contains(t, string(manifest), `"complete": true`)
		}
		assert.Equal(t, files[0], files[1])
		assert.Equal(t, len(records), strings.Count(files[1], "invoice.")+strings.Count(files[1], "user.login"))
	}
	if runtime.GOOS != "windows" { // no process can be interrupted there
		testDeedFollows(t, inMongoDB, e)
	}
}

// testDeedFollows: tail prints a record that is exported while it runs, and ends when it is
// interrupted.
func testDeedFollows(t *testing.T, a *asking, e *mongodb.Exporter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := a.command(ctx, "tail", "-f", "-n", "1", "--interval", "20ms", "--columns", "action", "--format", "csv")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(output)
	next := func() string {
		require.True(t, lines.Scan())
		return lines.Text()
	}
	assert.Equal(t, "action", next())
	assert.Equal(t, "invoice.approve", next())
	require.NoError(t, e.Export(ctx, []*record.Record{agedRecord("payout.send", "acme", 0)}))
	assert.Equal(t, "payout.send", next())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.False(t, lines.Scan())
	require.NoError(t, cmd.Wait())
}
