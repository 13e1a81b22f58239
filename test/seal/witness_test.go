// The log of tessera needs Unix.

//go:build unix

package seal_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/seal/witness"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// TestTesseraWithOurWitness runs a log of tessera that publishes only what our witnesses have
// cosigned, and checks its checkpoints with our policy.
func TestTesseraWithOurWitness(t *testing.T) {
	t.Parallel()
	private, public, err := note.GenerateKey(rand.Reader, "example.com/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	text := ""
	for i := range 2 {
		temp := t.TempDir()
		key, err := witness.CreateKey(filepath.Join(temp, "key"), fmt.Sprintf("witness.example.org/w%d", i))
		require.NoError(t, err)
		w, err := witness.Open(filepath.Join(temp, "state"), key, []note.Verifier{verifier})
		require.NoError(t, err)
		server := httptest.NewServer(w)
		t.Cleanup(func() {
			server.Close()
			require.NoError(t, w.Close())
		})
		text += fmt.Sprintf("witness w%d %s %s\n", i, key.Public(), server.URL)
	}
	text += "group both all w0 w1\nquorum both\n"
	policy, err := witness.ParsePolicy([]byte(text))
	require.NoError(t, err)
	group, err := tessera.NewWitnessGroupFromPolicy([]byte(text))
	require.NoError(t, err, "both read the same policy")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(t.TempDir(), "log"), HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(16, 10*time.Millisecond).WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(group, &tessera.WitnessOptions{}))
	require.NoError(t, err)
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 10*time.Millisecond)
	for i := range 8 {
		_, checkpoint, err := awaiter.Await(ctx, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d", i))))
		require.NoError(t, err)
		all, err := policy.Cosignatures(checkpoint)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.WithinDuration(t, time.Now(), all[0].Time, time.Minute)
	}
	require.NoError(t, shutdown(ctx))
}
