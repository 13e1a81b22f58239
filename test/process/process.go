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

// startTimeout bounds how long a server takes until it is ready.
const startTimeout = time.Minute

// Process is a server that runs. Its methods are not for concurrent use.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// Start runs the program until Kill, and at most as long as this process. It waits for
// the first line of the standard output, by which the server says that it is ready, and
// returns it too. The standard error is ours.
func Start(program string, args ...string) (p *Process, line string, err error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // it stops when the test process ends
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
		return nil, "", fmt.Errorf("the server does not start: %w", err)
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

// Kill ends the server at once: nothing is told to it. A nil Process is over already.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}
