package drive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Build compiles an example into dir and returns the path of the program.
func Build(ctx context.Context, dir, example string) (string, error) {
	return build(ctx, dir, "examples/"+example)
}

// BuildDeed builds the command deed into a directory and returns its path.
func BuildDeed(ctx context.Context, dir string) (string, error) { return build(ctx, dir, "cmd/deed") }

func build(ctx context.Context, dir, path string) (string, error) {
	program := filepath.Join(dir, filepath.Base(path))
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/opendeed/audit/"+path)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", path, err)
	}
	return program, nil
}

// FreePort returns an unused port of the loopback address. It is below those that systems assign to
// clients, one of which could otherwise get it while no server listens.
func FreePort(ctx context.Context) (port string, err error) {
	for range 100 {
		port = strconv.Itoa(20_000 + rand.N(12_000))
		var lc net.ListenConfig
		var l net.Listener
		if l, err = lc.Listen(ctx, "tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}

// Process is a running program. Its stdout is discarded, except for the first line.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer // the test servers stop when it is closed, also when the demo ends
	first chan string
}

// Start starts a program with the environment of this process and the variables in env.
func Start(ctx context.Context, env []string, program string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin, first: make(chan string, 1)}
	go func() {
		lines := bufio.NewReader(stdout)
		line, _ := lines.ReadString('\n') // incomplete if the program ends
		p.first <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, lines)
	}()
	return p, nil
}

// FirstLine waits for the first line that the program writes to stdout. Only the first call
// returns.
func (p *Process) FirstLine() string { return <-p.first }

// Kill ends the program like a crash, without a chance to clean up.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}

// Stop sends SIGTERM to the program and waits until it has ended. It returns an error if the
// exit status is not 0.
func (p *Process) Stop() error {
	defer p.stdin.Close()
	return errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait())
}

// Output runs a program until it ends and returns its stdout.
func Output(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	return string(out), err
}
