//go:build !linux

package pgserver

import (
	"errors"
	"os"
	"syscall"
)

// ownedBy returns how to run a program that may write to dir.
func ownedBy(string) (*syscall.SysProcAttr, error) { return nil, nil }

// quit ends postgres, whose other processes end with it.
func quit(p *os.Process) error {
	if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
