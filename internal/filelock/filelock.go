// Package filelock locks open files, so that one process at a time uses what they stand for.
package filelock

import "errors"

// ErrHeld means that a file is locked already, by this process or by another one.
var ErrHeld = errors.New("the file is locked")
