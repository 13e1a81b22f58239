package seal_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/serve"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
)

var errNoToken = errors.New("the token is wrong")

// track seals a ledger of n records.
func track(t *testing.T, dir string, key *seal.Key, n int, opts ...seal.Option) {
	t.Helper()
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames()), sdk.WithSeal(key, opts...))
	require.NoError(t, err)
	for i := range n {
		err := provider.Tracker("test").Track(t.Context(), audit.Event{
			Action: "article.update", Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: strconv.Itoa(i)}, Outcome: audit.OutcomeSuccess,
		})
		require.NoError(t, err)
	}
	require.NoError(t, provider.Shutdown(t.Context()))
}

// bundleHasher returns the hashes of the leaves in a bundle.
func bundleHasher(data []byte) (hashes [][]byte, err error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// TestFsck has tessera's fsck read our log over HTTP, and compute all tiles anew from the bundles.
func TestFsck(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	dir := filepath.Join(temp, "ledger")
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	files := seal.OpenDir(filepath.Join(dir, seal.DirName))
	for _, n := range []int{1, 255, 700} {
		track(t, dir, key, n)
		require.NoError(t, runFsck(t, dir, key, "Bearer secret"))
	}
	require.Error(t, runFsck(t, dir, key, "Bearer other"), "bundles are not open")

	tile, err := files.Read("tile/0/001")
	require.NoError(t, err)
	tile[0] ^= 1
	require.NoError(t, files.Write("tile/0/001", tile))
	require.ErrorContains(t, runFsck(t, dir, key, "Bearer secret"), "tile/0/001")
}

// runFsck serves a ledger, and lets fsck check it.
func runFsck(t *testing.T, dir string, key *seal.Key, token string) error {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	files := seal.OpenDir(filepath.Join(dir, seal.DirName))
	server := httptest.NewServer(http.StripPrefix("/log", serve.New(files, serve.WithBundles(r, func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer secret" {
			return errNoToken
		}
		return nil
	}))))
	defer server.Close()
	root, err := url.Parse(server.URL + "/log")
	require.NoError(t, err)
	fetcher, err := client.NewHTTPFetcher(root, server.Client())
	require.NoError(t, err)
	fetcher.SetAuthorizationHeader(token)
	signed, err := files.Read("checkpoint")
	require.NoError(t, err)
	origin, _, _ := strings.Cut(string(signed), "\n")
	return fsck.New(origin, key.Verifier(), fetcher, bundleHasher, fsck.Opts{N: 2}).Check(t.Context())
}
