package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/opendeed/audit/examples/internal/drive"
)

// service is a process of the example and its output.
type service struct {
	cmd    *exec.Cmd
	port   string
	stdout bytes.Buffer // complete once the process has ended
}

// start starts the service with a deployment's file.
func (d *demo) start(ctx context.Context, deployment string, env ...string) (*service, error) {
	port, err := drive.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &service{cmd: exec.CommandContext(ctx, d.program, "-config", file(deployment)), port: port}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = append(os.Environ(), append(env, "PORT="+port)...), &s.stdout, os.Stderr
	return s, s.cmd.Start()
}

// kill ends the process like a crash.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// stop asks the process to end and waits for it.
func (s *service) stop() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
}
