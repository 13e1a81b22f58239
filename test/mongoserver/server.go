// Package mongoserver starts the MongoDB-compatible server that tests and benchmarks
// talk to, as a process that they can kill. Where the variable MONGODB_URI is set, it
// is the server there instead, which can do more but is not to be killed.
package mongoserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// URI returns that of the real server, or nothing.
func URI() string { return os.Getenv("MONGODB_URI") }

// Server is a server that can be killed. Its methods are not for concurrent use.
type Server struct {
	dir     string
	address string // chosen by the first start; later ones keep it
	process *exec.Cmd
	stdin   io.Closer
}

// Start starts a server of the test's own, which ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Kill)
	return s
}

// Open starts a server with its data in dir.
func Open(dir string) (*Server, error) {
	s := &Server{dir: dir, address: "127.0.0.1:0"}
	err := s.Run()
	return s, err
}

// URI is that of the server, the same after a restart.
func (s *Server) URI() string { return "mongodb://" + s.address + "/?retryWrites=false" }

// Address is the host and port.
func (s *Server) Address() string { return s.address }

// Run starts the server, again on the same address and data.
func (s *Server) Run() error {
	if s.process != nil {
		return errors.New("the server is running")
	}
	program, err := build()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), program, "-listen", s.address, "-dir", s.dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // it stops when the test process ends
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.stdin = cmd, stdin
	line, err := readLine(stdout, time.Minute)
	if err != nil {
		s.Kill()
		return fmt.Errorf("the server does not start: %w", err)
	}
	uri, err := url.Parse(line)
	if err != nil {
		s.Kill()
		return err
	}
	s.address = uri.Host
	return nil
}

func readLine(r io.Reader, wait time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(r).ReadString('\n')
		read <- result{strings.TrimSpace(line), err}
	}()
	select {
	case got := <-read:
		return got.line, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Kill ends the server at once, if it runs: nothing is told to it.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	_ = s.stdin.Close()
	s.process = nil
}

// build builds the server, once for each process; the go command does nothing when it
// is there.
var build = sync.OnceValues(func() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("where the sources are is unknown")
	}
	root := filepath.Join(filepath.Dir(file), "..", "..")
	program := filepath.Join(root, "bin", "ferretdb")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(root, "test", "servers", "ferretdb")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return program, nil
})
