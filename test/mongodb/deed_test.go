package mongodb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buildDeed returns the path of the command.
func buildDeed(t *testing.T) string {
	t.Helper()
	path, err := process.BuildDeed(t.Context(), t.TempDir())
	require.NoError(t, err)
	return path
}

// TestKilledDeed kills the command while it archives and removes records of a collection, and
// checks that each is in the collection or in one archive, and that records say so.
func TestKilledDeed(t *testing.T) {
	deed, dir := buildDeed(t), t.TempDir()
	coll := newCollection(t, connect(t, serverURI))
	e, err := mongodb.New(t.Context(), coll)
	require.NoError(t, err)
	var records []*record.Record
	for range 800 {
		records = append(records, agedRecord("payout.send", "acme", 300))
	}
	records = append(records, agedRecord("user.login", "acme", 100), agedRecord("user.login", "held", 100))
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.Shutdown(t.Context()))
	config := fmt.Sprintf(`retention:
  archives: archives
  rules:
    - {name: logins, actions: [user.*], keep: 90d}
    - {name: payouts, actions: [payout.*], keep: 10y, archive_after: 180d}
exporters:
  - {type: mongodb, uri: %q, database: %s, collection: %s}
`, serverURI, coll.Database().Name(), coll.Name())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy.yaml"), []byte(config), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "archives"), 0o700))
	command := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, deed, append(args, "--config", "deploy.yaml", "--record-to", "looks", "--purpose", "a test")...)
		cmd.Dir = dir
		return cmd
	}
	run := func(args ...string) string {
		out, err := command(t.Context(), args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	run("hold", "place", "case", "--tenant", "held")
	plan := run("retention", "plan")
	assert.Contains(t, plan, "payouts          800 archived")
	assert.Contains(t, plan, "hold case: a test")

	killed := 0
	for i := range 7 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(250*i+rand.IntN(250))*time.Millisecond)
		out, err := command(ctx, "retention", "apply").CombinedOutput()
		if ctx.Err() != nil {
			killed++
		} else {
			require.NoError(t, err, "%s", out)
		}
		cancel()
	}
	run("retention", "apply")
	assert.Equal(t, map[string]int{"user.login held": 1}, actionsIn(t, mongodb.NewReader(coll)))

	store, err := archive.OpenDir(filepath.Join(dir, "archives"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	archived, archives := 0, map[string]bool{}
	for o, err := range store.List(t.Context(), "mongodb/") {
		require.NoError(t, err)
		a, err := archive.Open(t.Context(), store, o.Name)
		require.NoError(t, err)
		require.NoError(t, a.Verify(t.Context()))
		archived += int(a.Manifest().Entries)
		archives[o.Name] = false
	}
	assert.Equal(t, 800, archived, "each record is in one archive")
	assert.Equal(t, map[string]int{"payout.send acme": 800}, actionsIn(t, archive.NewReader(store)))

	looks, err := ledgerquery.NewReader(filepath.Join(dir, "looks"))
	require.NoError(t, err)
	removals := 0
	for r, err := range looks.Find(t.Context(), query.Filter{Actions: []string{"audit.trail.*"}}) {
		require.NoError(t, err)
		switch {
		case r.Action == semconv.ActionTrailArchive:
			archives[r.Target.ID] = true
		case r.BeginsAttempt():
			removals++
		}
	}
	for name, recorded := range archives {
		assert.True(t, recorded, "no record says that %s was verified", name)
	}
	assert.Len(t, archives, 1)
	assert.NotZero(t, removals)
	t.Logf("killed %d of 7 times; %d removals begun", killed, removals)
	testDeedImports(t, deed, dir, map[string]int{"payout.send acme": 800})
}
