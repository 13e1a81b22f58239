package main

import "syscall"

// killedWithParent makes the system kill a process when the thread that started it ends.
func killedWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
