package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/opendeed/audit/examples/internal/drive"
)

// service is the program, with what it writes to stdout.
type service struct {
	cmd    *exec.Cmd
	port   string
	stdout bytes.Buffer // may be read when the program has ended
}

func (d *demo) start(ctx context.Context, deployment string, env ...string) (*service, error) {
	port, err := drive.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &service{cmd: exec.CommandContext(ctx, d.program, "-config", file(deployment)), port: port}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = append(os.Environ(), append(env, "PORT="+port)...), &s.stdout, os.Stderr
	return s, s.cmd.Start()
}

// kill ends the program as a crash does.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// stop asks the program to end and waits until it has.
func (s *service) stop() error {
	return errors.Join(s.cmd.Process.Signal(os.Interrupt), s.cmd.Wait())
}
