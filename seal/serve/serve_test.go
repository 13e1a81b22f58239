package serve_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/serve"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sealedLedger makes a ledger of 300 entries, of which the first 200 are sealed as one gap if they
// were removed before.
func sealedLedger(t *testing.T) (files seal.Files, r *ledger.Reader) {
	t.Helper()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "log.example.com")
	require.NoError(t, err)
	dir := filepath.Join(temp, "ledger")
	l, err := ledger.Open(dir, ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(t, err)
	for i := range 300 {
		_, err := l.Append(t.Context(), entry(uint64(i)+1))
		require.NoError(t, err)
	}
	s, err := seal.Start(t.Context(), l, key)
	require.NoError(t, err)
	require.NoError(t, s.Close(t.Context()))
	_, err = l.Append(t.Context(), []byte("not sealed yet"))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	r, err = ledger.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return seal.OpenDir(filepath.Join(dir, seal.DirName)), r
}

func entry(seq uint64) []byte { return fmt.Appendf(nil, `{"id":%d}`, seq) }

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return rec
}

// allow lets everybody in.
func allow(*http.Request) error { return nil }

func TestServe(t *testing.T) {
	t.Parallel()
	files, r := sealedLedger(t)
	h := serve.New(files, serve.WithBundles(r, allow))
	for path, kind := range map[string]string{
		"checkpoint": "text/plain; charset=utf-8", "tile/0/000": "application/octet-stream",
		"tile/0/001.p/44": "application/octet-stream", "tile/1/000.p/1": "application/octet-stream",
	} {
		rec := get(h, "/"+path)
		require.Equal(t, http.StatusOK, rec.Code, path)
		require.Equal(t, kind, rec.Header().Get("Content-Type"))
		want, err := files.Read(path)
		require.NoError(t, err)
		require.Equal(t, want, rec.Body.Bytes())
	}
	for path, first := range map[string]uint64{"/tile/entries/000": 1, "/tile/entries/000.p/17": 1, "/tile/entries/001.p/44": 257} {
		rec := get(h, path)
		require.Equal(t, http.StatusOK, rec.Code, path)
		require.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
		seq := first
		for data := rec.Body.Bytes(); len(data) > 0; seq++ {
			n := binary.BigEndian.Uint16(data)
			require.Equal(t, entry(seq), data[2:2+n])
			data = data[2+n:]
		}
		require.Contains(t, []uint64{257, 18, 301}, seq)
	}
}

func TestNotServed(t *testing.T) {
	t.Parallel()
	files, r := sealedLedger(t)
	open := serve.New(files, serve.WithBundles(r, allow))
	for _, path := range []string{
		"/", "/state", "/gaps", "/cosigned", "/tile", "/tile/0", "/tile/0/", "/tile/0/0", "/tile/00/000", "/tile/8/000", "/tile/0/x000/000",
		"/tile/0/000.p", "/tile/0/000.p/0", "/tile/0/000.p/044", "/tile/0/000.p/256", "/tile/0/001", "/tile/0/001.p/45", "/tile/0/002",
		"/tile/0/000/../../state", "/tile/entries/001", "/tile/entries/001.p/45", "/tile/entries/002.p/1", "/tile/7/000",
		"/tile/entries/x999/x999/x999/x999/x999/999", "/tile/0/x999/x999/x999/x999/x999/999", "/tile/0/000.new",
	} {
		require.Equal(t, http.StatusNotFound, get(open, path).Code, path)
	}
	errDenied := errors.New("user 42 is nobody")
	denied := 0
	for _, h := range []http.Handler{
		serve.New(files, serve.WithBundles(r, nil)),
		serve.New(files, serve.WithBundles(r, func(*http.Request) error { denied++; return errDenied })),
	} {
		rec := get(h, "/tile/entries/000")
		require.Equal(t, http.StatusForbidden, rec.Code)
		require.NotContains(t, rec.Body.String(), "42")
		require.Equal(t, http.StatusOK, get(h, "/tile/0/000").Code)
	}
	require.Equal(t, 1, denied)
	require.Equal(t, http.StatusNotFound, get(serve.New(files), "/tile/entries/000").Code)
	rec := httptest.NewRecorder()
	open.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/checkpoint", http.NoBody))
	require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
	require.Equal(t, http.StatusNotFound, get(serve.New(seal.OpenDir(t.TempDir())), "/checkpoint").Code)
}

// TestLostEntries asks for entries that the ledger does not have any more.
func TestLostEntries(t *testing.T) {
	t.Parallel()
	files, r := sealedLedger(t)
	var reported error
	h := serve.New(files, serve.WithBundles(r, allow), serve.WithErrorHandler(func(err error) { reported = err }))
	segments, err := filepath.Glob(filepath.Join(r.Dir(), "*.segment"))
	require.NoError(t, err)
	require.NotEmpty(t, segments)
	f, err := os.OpenFile(segments[0], os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("damage"), 8192)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	rec := get(h, "/tile/entries/000")
	require.Equal(t, http.StatusInternalServerError, rec.Code, strconv.Itoa(rec.Body.Len()))
	require.Error(t, reported)
	require.NotContains(t, rec.Body.String(), r.Dir())
}

// FuzzPath requires that only files of the log are served.
func FuzzPath(f *testing.F) {
	temp := f.TempDir()
	files := seal.OpenDir(temp)
	require.NoError(f, files.Write("checkpoint", []byte("log\n1000000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— a b\n")))
	require.NoError(f, files.Write("tile/0/000", []byte("tile")))
	require.NoError(f, files.Write("state", []byte("secret")))
	h := serve.New(files)
	f.Add("/tile/0/x001/234.p/5")
	f.Add("/tile/entries/000")
	f.Add("/tile/0/../../state")
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.URL.Path = path
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		require.NotContains(t, rec.Body.String(), "secret")
		require.Contains(t, []int{http.StatusOK, http.StatusNotFound}, rec.Code)
	})
}
