package mongodb_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// testDeedImports: the archives in dir are imported to a collection, again without doubling a
// record, and what is damaged is named.
func testDeedImports(t *testing.T, deed, dir string, want map[string]int) {
	t.Helper()
	coll := newCollection(t, connect(t, serverURI))
	run := func() (string, int) {
		cmd := exec.CommandContext(t.Context(), deed, "archive", "import", "archives", "--into", urlOf(t, coll), "--record-to", "looks")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return string(out), failed.ExitCode()
		}
		require.NoError(t, err, "%s", out)
		return string(out), 0
	}
	for range 2 {
		out, code := run()
		assert.Zero(t, code, "%s", out)
		assert.Contains(t, out, ".jsonl.zst: the collection has 800 records of it, those that were there before included\n")
		assert.Equal(t, want, actionsIn(t, mongodb.NewReader(coll)))
	}

	_, err := coll.DeleteMany(t.Context(), bson.D{})
	require.NoError(t, err)
	archives, err := filepath.Glob(filepath.Join(dir, "archives", "mongodb", "payouts", "*.jsonl.zst"))
	require.NoError(t, err)
	require.Len(t, archives, 1)
	b, err := os.ReadFile(archives[0])
	require.NoError(t, err)
	b[len(b)/4] ^= 0xff
	require.NoError(t, os.Chmod(archives[0], 0o600))
	require.NoError(t, os.WriteFile(archives[0], b, 0o600))
	out, code := run()
	assert.Equal(t, 3, code, "%s", out)
	assert.Contains(t, out, "mongodb/payouts/"+filepath.Base(archives[0]), "%s", out)
	assert.Contains(t, out, "part 0")
	assert.Contains(t, out, "not everything could be read")
	assert.NotContains(t, strings.ToLower(out), "panic")
	assert.Less(t, actionsIn(t, mongodb.NewReader(coll))["payout.send acme"], 800)
}
