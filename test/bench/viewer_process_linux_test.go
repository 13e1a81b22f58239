package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// viewedDirectory is the environment variable that makes this program serve the viewer of a
// ledger.
const viewedDirectory = "AUDIT_BENCH_VIEWED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(viewedDirectory); dir != "" {
		if err := serveViewer(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveViewer prints its address, and serves until standard input ends.
func serveViewer(dir string) error {
	handler, err := viewerOf(dir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Printf("http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startViewer serves the viewer of a ledger in a process with the lowest priority, until the
// benchmark ends, and returns a proxy of it.
func startViewer(b *testing.B, dir string) http.Handler {
	b.Helper()
	program, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), "nice", "-n", "19", program)
	cmd.Env = append(os.Environ(), viewedDirectory+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	address, err := url.Parse(strings.TrimSpace(line))
	require.NoError(b, err)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(address) },
		Transport: &http.Transport{MaxIdleConnsPerHost: people},
	}
}
