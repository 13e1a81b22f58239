//go:build !linux

package main

import "syscall"

// killedWithParent has no effect: if this process is killed, litewitness stays.
func killedWithParent() *syscall.SysProcAttr { return nil }
