package ledger

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockWait(t *testing.T) {
	t.Parallel()
	wait := func(t *testing.T, d *memDisk, ctx context.Context) (*Ledger, error) {
		c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize), WithLockWait(time.Minute)})
		require.NoError(t, err)
		return openIn(ctx, d.open(nil), c)
	}
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		first := mustOpenMem(t, d, nil)
		mustAppend(t, first, "one")
		start := time.Now()
		time.AfterFunc(10*time.Second, func() { assert.NoError(t, first.Close()) })
		second, err := wait(t, d, t.Context())
		require.NoError(t, err)
		assert.Less(t, time.Since(start), 10*time.Second+2*lockPause)
		assert.EqualValues(t, 2, mustAppend(t, second, "two"))

		start = time.Now()
		_, err = wait(t, d, t.Context())
		require.ErrorIs(t, err, ErrLocked)
		assert.Equal(t, time.Minute, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = wait(t, d, ctx)
		require.ErrorIs(t, err, ErrLocked)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, second.Close())
	})
}

// handoverEnv passes the directory to the process that TestHandover starts.
const handoverEnv = "LEDGER_TEST_HANDOVER"

// TestHandover opens a ledger while another process has it open, which closes it a little
// later, as in a rolling restart.
func TestHandover(t *testing.T) {
	if dir := os.Getenv(handoverEnv); dir != "" {
		l := mustOpen(t, dir, WithLockWait(time.Minute))
		mustAppend(t, l, "new process")
		require.NoError(t, l.Close())
		return
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "old process")
	binary, err := os.Executable()
	require.NoError(t, err)
	other := exec.CommandContext(t.Context(), binary, "-test.run=^TestHandover$", "-test.v")
	other.Env = append(os.Environ(), handoverEnv+"="+dir)
	ended := make(chan struct{})
	var out []byte
	go func() {
		defer close(ended)
		out, err = other.CombinedOutput()
	}()
	select {
	case <-ended:
		require.Fail(t, "the process did not wait", "%s", out)
	case <-time.After(300 * time.Millisecond):
	}
	mustAppend(t, l, "old process again")
	require.NoError(t, l.Close())
	<-ended
	require.NoError(t, err, "%s", out)
	require.Equal(t, []string{"old process", "old process again", "new process"}, readAll(t, dir))
}
