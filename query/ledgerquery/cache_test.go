package ledgerquery_test

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newCachingReader returns a Reader that keeps indexes in a directory.
func newCachingReader(t *testing.T, dir, cache string) *ledgerquery.Reader {
	t.Helper()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	require.NoError(t, reader.CacheIndexes(cache))
	return reader
}

// openPlain opens a ledger that keeps no indexes.
func openPlain(t *testing.T, dir string, opts ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, append([]ledger.Option{ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour)}, opts...)...)
	require.NoError(t, err)
	return l
}

func appendAll(t *testing.T, l *ledger.Ledger, entries [][]byte) {
	t.Helper()
	for i := 0; i < len(entries); i += 5 {
		_, err := l.Append(t.Context(), entries[i:min(i+5, len(entries))]...)
		require.NoError(t, err)
	}
}

// TestCacheIndexes asks random questions of a ledger without indexes, of Readers that cache some,
// of which another one is bad each time, while the ledger grows.
func TestCacheIndexes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(31, 32))
	m := newModel(t, rng, 1500)
	dir, cache := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "cache")
	l := openPlain(t, dir)
	const step = 250
	whole := model{positions: m.positions}
	for len(whole.entries) < len(m.entries) {
		n := min(len(whole.entries)+step, len(m.entries))
		appendAll(t, l, m.entries[len(whole.entries):n])
		whole.entries, whole.records = m.entries[:n], m.records[:n]
		reader := newCachingReader(t, dir, cache)
		for range questions(3) {
			whole.check(t, reader, whole.randomFilter(rng), 0, false)
		}
		files := glob(t, cache, "*/*.index-*")
		if len(files) == 0 {
			continue
		}
		file := files[rng.IntN(len(files))]
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		require.NoError(t, os.WriteFile(file, data[:len(data)-rng.IntN(2)*rng.IntN(len(data))], 0o600))
		for range questions(3) {
			whole.check(t, newCachingReader(t, dir, cache), whole.randomFilter(rng), 0, false)
		}
	}
	require.NoError(t, l.Close())
	assert.Empty(t, glob(t, dir, "*.index*"))
	assert.Greater(t, len(glob(t, cache, "*/*.index-*")), 2)
	require.NoError(t, filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, path)
		return nil
	}))
}

// TestCacheSavesReading: a new Reader uses the indexes that an earlier one made. It does not read
// the entries, so it does not notice damage to those that it does not need.
func TestCacheSavesReading(t *testing.T) {
	t.Parallel()
	dir, cache := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "cache")
	var entries [][]byte
	for i := range 600 {
		r := newRecord(i)
		r.Actor = audit.User([]string{"42", "43"}[i/300])
		entries = append(entries, encode(t, r)...)
	}
	l := openPlain(t, dir)
	appendAll(t, l, entries)
	require.NoError(t, l.Close())
	later := query.Filter{Actors: []audit.Actor{audit.User("43")}}
	ids, errs := targets(t, newCachingReader(t, dir, cache), later)
	require.Empty(t, errs)
	require.Len(t, ids, 300)

	segment := glob(t, dir, "*1.segment")[0]
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	content[bytes.Index(content, []byte("article.update"))] ^= 1
	require.NoError(t, os.WriteFile(segment, content, 0o600))

	plain, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	_, errs = targets(t, plain, later)
	require.NotEmpty(t, errs, "it reads everything")
	ids, errs = targets(t, newCachingReader(t, dir, cache), later)
	require.Empty(t, errs)
	require.Len(t, ids, 300)
	_, errs = targets(t, newCachingReader(t, dir, cache), query.Filter{})
	require.NotEmpty(t, errs, "it needs all entries")
}

// TestCacheForgetsRemovedSegments: an index does not outlive the entries that retention removes.
func TestCacheForgetsRemovedSegments(t *testing.T) {
	t.Parallel()
	dir, cache := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "cache")
	m := newModel(t, rand.New(rand.NewPCG(33, 34)), 900)
	l := openPlain(t, dir)
	appendAll(t, l, m.entries)
	require.NoError(t, l.Close())
	_, _ = targets(t, newCachingReader(t, dir, cache), query.Filter{Limit: 1})
	first := "*/000000000001.index-1"
	require.Len(t, glob(t, cache, first), 1)

	l = openPlain(t, dir)
	left, err := l.RemoveBefore(400)
	require.NoError(t, err)
	require.Greater(t, left, uint64(1))
	require.NoError(t, l.Close())
	require.Empty(t, glob(t, dir, "*1.segment"))
	_, _ = targets(t, newCachingReader(t, dir, cache), query.Filter{Limit: 1})
	assert.Empty(t, glob(t, cache, first))
	assert.NotEmpty(t, glob(t, cache, "*/*.index-1"))
}

func TestCacheMustBePrivate(t *testing.T) {
	t.Parallel()
	dir, cache := filepath.Join(t.TempDir(), "ledger"), t.TempDir()
	appendTo(t, dir, newRecord(1))
	require.NoError(t, os.Chmod(cache, 0o770))
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	require.ErrorIs(t, reader.CacheIndexes(cache), ledger.ErrInsecure)
}
