package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// startTimeout limits how long Start waits for a server to be ready.
const startTimeout = time.Minute

// Process is a running server. Its methods must not be called concurrently.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// Start starts the program. It runs until Kill, and no longer than the calling process. Start
// waits for the first line of its standard output, with which a server reports that it is ready,
// and returns that line. The program shares the standard error of the caller.
func Start(program string, args ...string) (p *Process, line string, err error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // closed when the test process ends, which stops the server
	if err != nil {
		return nil, "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	p = &Process{cmd: cmd, stdin: stdin}
	line, err = readLine(stdout, startTimeout)
	if err != nil {
		p.Kill()
		return nil, "", fmt.Errorf("the server did not start: %w", err)
	}
	return p, line, nil
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

// Kill ends the server immediately, without a chance to clean up. It does nothing if p is nil.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}
