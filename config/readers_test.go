package config_test

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/query"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReaders asks the ledger of a file, beside the provider that writes it.
func TestReaders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	t.Setenv("TEST_DIR", dir)
	file := write(t, "deploy.yaml", `
ledger: {dir: "${TEST_DIR}"}
exporters:
  - {type: stdout}
  - {type: mongodb, name: archive, uri: "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=10"}
`)
	c, err := config.Load(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	assert.Equal(t, dir, c.LedgerDir())
	_, release, err := c.Readers()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, release(t.Context()))

	other := write(t, "other.yaml", `
anonymous: [article.read]
ledger: {dir: "${TEST_DIR}"}
exporters: none
`)
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(other))
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Shutdown(t.Context())) }()
	track(t, p)
	sources, release, err := c.Readers()
	require.NoError(t, err)
	require.Len(t, sources, 2)
	assert.Equal(t, "ledger", sources[0].Name)
	assert.Equal(t, "archive", sources[1].Name)
	found := 0
	for _, err := range sources[0].Reader.Find(t.Context(), query.Filter{Actions: []string{"article.*"}}) {
		require.NoError(t, err)
		found++
	}
	assert.Equal(t, 3, found)
	for _, err := range sources[1].Reader.Find(t.Context(), query.Filter{}) {
		require.Error(t, err) // nobody listens
	}
	require.NoError(t, release(t.Context()))
}

// TestIndex: the ledger of a configuration has an index, unless it says otherwise.
func TestIndex(t *testing.T) {
	for line, indexed := range map[string]bool{"": true, ", index: true": true, ", index: false": false} {
		dir := filepath.Join(t.TempDir(), "ledger")
		t.Setenv("TEST_DIR", dir)
		file := write(t, "index.yaml", `
anonymous: [article.read]
ledger: {dir: "${TEST_DIR}", segment_size: 64KiB`+line+`}
exporters: none
`)
		p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
		require.NoError(t, err)
		files := func(pattern string) int {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			require.NoError(t, err)
			return len(names)
		}
		for files("*.segment") < 3 {
			track(t, p)
		}
		if indexed {
			require.Eventually(t, func() bool { return files("*.index") > 0 }, 20*time.Second, time.Millisecond)
		}
		require.NoError(t, p.Shutdown(t.Context()))
		assert.Equal(t, indexed, files("*.index") > 0, line)
	}
}
