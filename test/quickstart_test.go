package test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quickstart is the example's service, as a process.
type quickstart struct {
	program, dir, port string
	process            *exec.Cmd
}

func buildQuickstart(t *testing.T) *quickstart {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "quickstart")
	build := exec.CommandContext(t.Context(), "go", "-C", filepath.Join("..", "examples"), "build", "-o", program, "./quickstart")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return &quickstart{program: program, dir: dir, port: port}
}

func (q *quickstart) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, q.program, args...)
	cmd.Dir = q.dir // so that the trail is in ./audit-ledger
	cmd.Env = append(os.Environ(), "PORT="+q.port)
	cmd.Stderr = os.Stderr
	return cmd
}

func (q *quickstart) start(t *testing.T) {
	t.Helper()
	q.process = q.command(context.Background())
	require.NoError(t, q.process.Start())
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+q.port, time.Second)
		return err == nil && c.Close() == nil
	}, 10*time.Second, 10*time.Millisecond)
}

// kill ends the process as a crash does.
func (q *quickstart) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, q.process.Process.Kill())
	require.Error(t, q.process.Wait())
}

// login logs in with a name that shows in the trail.
func (q *quickstart) login(t *testing.T, name string) {
	t.Helper()
	form := url.Values{"name": {name}, "password": {"correct horse"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+q.port+"/login", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestQuickstartKeepsItsTrailWhenKilled(t *testing.T) {
	t.Parallel()
	q := buildQuickstart(t)
	q.start(t)
	q.login(t, "alice")
	q.kill(t)
	trail, err := q.command(t.Context(), "trail").Output()
	require.NoError(t, err)
	assert.Contains(t, string(trail), "user/alice", "as soon as it is dead")

	q.start(t)
	q.login(t, "bob")
	q.kill(t)
	q.start(t)
	q.login(t, "carol")
	q.kill(t)
	trail, err = q.command(t.Context(), "trail").Output()
	require.NoError(t, err)
	for _, name := range []string{"alice", "bob", "carol"} {
		assert.Equal(t, 1, strings.Count(string(trail), "user/"+name), name)
	}
	assert.DirExists(t, filepath.Join(q.dir, "audit-ledger"))
}
