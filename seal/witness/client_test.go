package witness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// serve runs a handler on loopback, and returns the line of a policy for it.
func serve(t *testing.T, name, public string, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return fmt.Sprintf("witness %s %s %s/\n", name, public, server.URL)
}

// cosign asks the witnesses of a policy about a history.
func cosign(t *testing.T, c *Client, h *history, size int64) ([]byte, error) {
	t.Helper()
	return c.Cosign(t.Context(), h.checkpoint(size), func(older int64) ([]seal.Hash, error) { return tlog.ProveTree(size, older, h) })
}

// TestCosign asks three witnesses, of which one does not answer.
func TestCosign(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(300, "leaf")
	one, oneKey := newWitness(t, nil, h.verifier())
	two, twoKey := newWitness(t, nil, h.verifier())
	gone := testKeys(t, 1)[0]
	text := serve(t, "a", oneKey.Public(), one) + serve(t, "b", twoKey.Public(), two) +
		serve(t, "c", gone.Public(), http.NotFoundHandler())
	policy, err := ParsePolicy([]byte(text + "group g 2 a b c\nquorum g"))
	require.NoError(t, err)
	client := NewClient(policy)
	for _, size := range []int64{1, 1, 2, 100, 300} {
		signed, err := cosign(t, client, h, size)
		require.ErrorContains(t, err, "status 404")
		all, err := policy.Cosignatures(signed)
		require.NoError(t, err)
		require.Len(t, all, 2)
		_, err = seal.OpenCheckpoint(signed, h.verifier())
		require.NoError(t, err, "it is still a checkpoint of the log")
	}
	signed, err := cosign(t, NewClient(policy), h, 300)
	require.ErrorContains(t, err, "status 404")
	require.NoError(t, policy.Check(signed), "a client that knows nothing learns the size")

	_, err = cosign(t, NewClient(policy), h, 200)
	require.ErrorIs(t, err, seal.ErrRollback)
	other := h.fork()
	other.hashes, other.size = nil, 0
	other.grow(400, "other")
	for _, size := range []int64{300, 400} {
		_, err = cosign(t, NewClient(policy), other, size)
		require.ErrorIs(t, err, seal.ErrFork)
		quorum := &QuorumError{}
		require.ErrorAs(t, err, &quorum)
		require.Empty(t, quorum.Cosigned)
	}
}

// TestSlowWitness does not wait for one that hangs, once enough have cosigned.
func TestSlowWitness(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(3, "leaf")
	w, key := newWitness(t, nil, h.verifier())
	hanging := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client is gone
		<-r.Context().Done()
	})
	text := serve(t, "a", key.Public(), w) + serve(t, "b", testKeys(t, 1)[0].Public(), hanging)
	policy, err := ParsePolicy([]byte(text + "group g any a b\nquorum g"))
	require.NoError(t, err)
	signed, err := cosign(t, NewClient(policy), h, 3)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, policy.Check(signed))
}

// TestWrongSize has a witness that once names a size which the log does not have. It is asked again
// for the next checkpoint.
func TestWrongSize(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(5, "leaf")
	w, key := newWitness(t, nil, h.verifier())
	asked := 0
	once := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			conflict(1 << 40).write(rw)
			return
		}
		w.ServeHTTP(rw, r)
	})
	policy, err := ParsePolicy([]byte(serve(t, "a", key.Public(), once) + "quorum a"))
	require.NoError(t, err)
	client := NewClient(policy)
	_, err = cosign(t, client, h, 3)
	require.ErrorIs(t, err, seal.ErrRollback)
	_, err = cosign(t, client, h, 5)
	require.NoError(t, err)
}

// TestUntrustedAnswers has witnesses that answer wrongly.
func TestUntrustedAnswers(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(3, "leaf")
	stranger := testKeys(t, 1)[0]
	for name, answer := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"a stranger": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(stranger.cosign(noteText(h.checkpoint(3).Note), epoch))
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("— x y\n", 1<<18)))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"other sizes": func(w http.ResponseWriter, r *http.Request) {
			var size int
			_, _ = fmt.Fscanf(r.Body, "old %d\n", &size)
			w.WriteHeader(http.StatusConflict)
			_, _ = fmt.Fprintf(w, "%d\n", size+1)
		},
		"a text as size": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusConflict) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := ParsePolicy([]byte(serve(t, "a", testKeys(t, 1)[0].Public(), answer) + "quorum a"))
			require.NoError(t, err)
			signed, err := cosign(t, NewClient(policy), h, 3)
			require.Error(t, err)
			require.Error(t, policy.Check(signed))
			_, err = note.Open(signed, note.VerifierList(h.verifier()))
			require.NoError(t, err)
		})
	}
}
