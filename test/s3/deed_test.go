package s3

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fillLedger makes a ledger of several segments, whose records are a year old.
func fillLedger(t *testing.T, dir string) {
	t.Helper()
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(t, err)
	at := time.Now().UTC().AddDate(-1, 0, 0)
	for i := range 24 {
		r := record.Record{ObservedTime: at, Event: audit.Event{
			ID: audit.NewID(), Time: at, Action: "payout.send", Outcome: audit.OutcomeSuccess, Actor: audit.User("alice"),
			Target: audit.Target{Type: "payout", ID: strconv.Itoa(i)}, Reason: strings.Repeat("because ", 750),
		}}
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		_, err = l.Append(t.Context(), b)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
}

// TestDeed: the archives and the holds of a policy are in a bucket, and its credentials in the
// environment only.
func TestDeed(t *testing.T) {
	t.Parallel()
	program, err := process.BuildDeed(t.Context(), t.TempDir())
	require.NoError(t, err)
	dir, server := t.TempDir(), newServer(t)
	bucket := "audit"
	_, err = newClient(server).CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	fillLedger(t, filepath.Join(dir, "audit-ledger"))
	location := "s3://audit/shop?endpoint=" + server
	config := fmt.Sprintf("ledger: {dir: audit-ledger}\nretention:\n  archives: %s\n  rules: [{name: payouts, keep: 10y, archive_after: 30d}]\nexporters: none\n", location)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy.yaml"), []byte(config), 0o600))
	environment := []string{"HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}
	credentials := append(environment, "AWS_ACCESS_KEY_ID="+account, "AWS_SECRET_ACCESS_KEY="+account) //nolint:gocritic // a copy
	run := func(env []string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	deed := func(args ...string) string {
		out, err := run(credentials, args...)
		require.NoError(t, err, "%s: %s", args, out)
		return out
	}
	recorded := []string{"--config", "deploy.yaml", "--record-to", "looks", "--purpose", "a test"}

	assert.Contains(t, deed("retention", "plan", "--config", "deploy.yaml"), "10 archived")
	deed(append([]string{"hold", "place", "case", "--actor", "user/mallory"}, recorded...)...)
	assert.Contains(t, deed("hold", "list", "--archives", location), "case")
	applied := deed(append([]string{"retention", "apply"}, recorded...)...)
	assert.Equal(t, 2, strings.Count(applied, "removed segment"), applied)
	assert.Contains(t, applied, "/payouts/000000000001-000000000010-")
	assert.Equal(t, 20, strings.Count(deed("query", "--from", location, "--format", "json"), "payout.send"))
	assert.Equal(t, 24, strings.Count(deed("query", "--from", location, "--from", "audit-ledger", "--format", "json"), "payout.send"))
	assert.Contains(t, deed("history", "payout/3", "--from", location), "payout.send")

	shown := deed("config", "show", "deploy.yaml") + deed("retention", "plan", "--config", "deploy.yaml", "--record-to", "looks") + deed("query", "--from", "looks", "--format", "json")
	assert.NotContains(t, shown, account)

	out, err := run(environment, "query", "--from", location)
	require.Error(t, err)
	assert.Contains(t, out, "name the account with AWS_PROFILE")
	out, err = run(credentials, "query", "--from", "s3://missing?endpoint="+server)
	require.Error(t, err)
	assert.Contains(t, out, "create the bucket first")
}
