package drive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds one of the examples into dir and returns the program's path.
func Build(ctx context.Context, dir, example string) (string, error) {
	program := filepath.Join(dir, filepath.Base(example))
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/opendeed/audit/examples/"+example)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("%s does not build: %w", example, err)
	}
	return program, nil
}

// FreePort returns a port of the loopback address that nobody listens on.
func FreePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// Process is a program that runs. What it writes to stdout is not shown.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer // it may stop when this is closed, as it is when the demo ends
	first chan string
}

// Start starts a program with the variables env besides those of this process.
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
		line, _ := lines.ReadString('\n') // what there is, if the program ends
		p.first <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, lines)
	}()
	return p, nil
}

// FirstLine waits for the first line that the program writes to stdout. It may be
// called once.
func (p *Process) FirstLine() string { return <-p.first }

// Kill ends the program as a crash does: nothing is told to it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}

// Stop asks the program to end and waits until it has.
func (p *Process) Stop() error {
	defer p.stdin.Close()
	return errors.Join(p.cmd.Process.Signal(os.Interrupt), p.cmd.Wait())
}

// Output runs a program to its end and returns what it wrote to stdout.
func Output(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	return string(out), err
}
