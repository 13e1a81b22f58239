package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// startHolder holds a key until the test ends, or stop is called.
func startHolder(t *testing.T, key, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- hold(ctx, key, dir) }()
	require.Eventually(t, func() bool {
		_, err := dial(t.Context(), dir)
		return err == nil
	}, time.Minute, time.Millisecond)
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func TestSigner(t *testing.T) {
	temp, err := os.MkdirTemp("", "signer") //nolint:usetesting // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
	file, dir, trail := filepath.Join(temp, "key"), filepath.Join(temp, "run"), filepath.Join(temp, "ledger")
	key, err := seal.CreateKey(file, "shop.example.com/audit")
	require.NoError(t, err)
	require.Error(t, run(t.Context(), []string{"write", dir, trail}), "nobody holds the key")

	for range 2 {
		stop := startHolder(t, file, dir)
		info, err := os.Stat(filepath.Join(dir, socketName))
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		require.NoError(t, run(t.Context(), []string{"write", dir, trail}))
		stop()
	}
	r, err := ledger.OpenReader(trail)
	require.NoError(t, err)
	defer r.Close()
	report, err := seal.Verify(t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 2, report.Sealed)
}

// TestSignsCheckpointsOnly asks for the signature of something else.
func TestSignsCheckpointsOnly(t *testing.T) {
	temp, err := os.MkdirTemp("", "signer") //nolint:usetesting // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
	file, dir := filepath.Join(temp, "key"), filepath.Join(temp, "run")
	_, err = seal.CreateKey(file, "shop.example.com/audit")
	require.NoError(t, err)
	defer startHolder(t, file, dir)()
	key, err := dial(t.Context(), dir)
	require.NoError(t, err)
	signer := &remote{name: key.Name()}
	signer.client = clientOf(dir)
	for _, text := range []string{"", "pay 100\n", "other.example.com/x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"} {
		_, err := signer.Sign([]byte(text))
		require.ErrorContains(t, err, "checkpoints of its own ledgers only", text)
	}
}
