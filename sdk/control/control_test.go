package control_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/control"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newDir returns a directory with a short path, as sockets need.
func newDir(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		_, err := control.Serve(t.TempDir(), nil)
		require.Error(t, err, "there are no permissions of sockets")
		t.Skip("not supported on Windows")
	}
	dir, err := os.MkdirTemp("", "control") //nolint:usetesting // its path is too long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestRemoveBefore(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	_, err := control.RemoveBefore(t.Context(), dir, 7)
	require.ErrorIs(t, err, control.ErrUnavailable)
	s, err := control.Serve(dir, func(seq uint64) (uint64, error) {
		if seq == 13 {
			return 5, errors.New("ledger: it is broken")
		}
		return seq - 1, nil
	})
	require.NoError(t, err)
	first, err := control.RemoveBefore(t.Context(), dir, 7)
	require.NoError(t, err)
	assert.EqualValues(t, 6, first)
	first, err = control.RemoveBefore(t.Context(), dir, 13)
	require.EqualError(t, err, "ledger: it is broken")
	assert.EqualValues(t, 5, first)
	require.NoError(t, s.Close())
	_, err = control.RemoveBefore(t.Context(), dir, 7)
	require.ErrorIs(t, err, control.ErrUnavailable)
}

// TestOwnerOnly: others cannot enter the directory of the socket, and one that they could is
// rejected.
func TestOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	require.NoError(t, os.Chmod(dir, 0o777))
	s, err := control.Serve(dir, nil)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, "control"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(filepath.Join(dir, "control"), 0o750))
	_, err = control.Serve(dir, nil)
	require.ErrorContains(t, err, "must be a directory that only its owner may enter")
}

// TestLeftOver: a process that was killed leaves its socket.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "control"), 0o700))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "control", "socket"), Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	_, err = control.RemoveBefore(t.Context(), dir, 7)
	require.ErrorIs(t, err, control.ErrUnavailable)
	s, err := control.Serve(dir, func(seq uint64) (uint64, error) { return seq, nil })
	require.NoError(t, err)
	_, err = control.RemoveBefore(t.Context(), dir, 7)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// TestStrangers: who sends nothing, or nonsense, neither stops the server nor keeps it from
// ending.
func TestStrangers(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s, err := control.Serve(dir, func(seq uint64) (uint64, error) { return seq, nil })
	require.NoError(t, err)
	for _, text := range []string{"", "{}\n", `{"remove_all":1}` + "\n", "nonsense\n"} {
		c, err := net.Dial("unix", filepath.Join(dir, "control", "socket"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = c.Write([]byte(text))
		require.NoError(t, err)
		if text == "" {
			continue // it stays open
		}
		b := make([]byte, 100)
		n, err := c.Read(b)
		require.NoError(t, err)
		assert.Contains(t, string(b[:n]), "the request is not understood")
	}
	_, err = control.RemoveBefore(t.Context(), dir, 7)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// TestCanceled: the client does not wait longer than its context.
func TestCanceled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	asked, release := make(chan struct{}), make(chan struct{})
	s, err := control.Serve(dir, func(seq uint64) (uint64, error) {
		close(asked)
		<-release
		return seq, nil
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	go func() {
		<-asked
		cancel()
	}()
	_, err = control.RemoveBefore(ctx, dir, 7)
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	require.NoError(t, s.Close())
}
