package test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quickstart runs the example's service as a process.
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
	cmd.Dir = q.dir // the ledger is ./audit-ledger
	cmd.Env = append(os.Environ(), "PORT="+q.port)
	cmd.Stderr = os.Stderr
	return cmd
}

func (q *quickstart) start(t *testing.T) {
	t.Helper()
	q.process = q.command(context.Background())
	require.NoError(t, q.process.Start())
	started := q.process.Process
	t.Cleanup(func() { _ = started.Kill() })
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

// login logs in with a name that the trail shows.
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

func TestQuickstartKeepsTrailWhenKilled(t *testing.T) {
	t.Parallel()
	q := buildQuickstart(t)
	q.start(t)
	q.login(t, "alice")
	q.kill(t)
	trail, err := q.command(t.Context(), "trail").Output()
	require.NoError(t, err)
	assert.Contains(t, string(trail), "user/alice", "right after the kill")

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

// TestQuickstartFinishesRequestsWhenTerminated sends SIGTERM while the service reads a
// request. The request must succeed and be recorded.
func TestQuickstartFinishesRequestsWhenTerminated(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM")
	}
	q := buildQuickstart(t)
	q.start(t)
	body := url.Values{"name": {"dave"}, "password": {"correct horse"}}.Encode()
	conn, err := net.Dial("tcp", "127.0.0.1:"+q.port)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: quickstart\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
	require.NoError(t, err)
	responses := bufio.NewReader(conn)
	status, err := responses.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, status, "100 Continue", "the handler reads the body")

	require.NoError(t, q.process.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+q.port, time.Second)
		return err != nil || c.Close() != nil
	}, 10*time.Second, 10*time.Millisecond, "the service still accepts connections")
	_, err = fmt.Fprint(conn, body)
	require.NoError(t, err)
	_, err = responses.ReadString('\n') // ends the response "100 Continue"
	require.NoError(t, err)
	resp, err := http.ReadResponse(responses, nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, q.process.Wait(), "the exit status")
	trail, err := q.command(t.Context(), "trail").Output()
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(trail), "user/dave"))
}
