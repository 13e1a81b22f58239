// Package control lets a command on the same machine ask the process that writes a ledger to
// remove segments, since a ledger has one writer. The process listens with sdk.WithControl, and
// the command calls [RemoveBefore]:
//
//	first, err := control.RemoveBefore(ctx, "/var/lib/shop/audit", 4711)
//
// The socket is in the directory of the ledger, in a directory that only its owner may enter. It
// thus gives nobody a right that the files of the ledger don't give. It does not exist on Windows,
// which has no such permissions.
package control

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"time"
)

// The socket of the ledger in DIR is DIR/control/socket.
const (
	directoryName = "control"
	socketName    = "socket"
)

// ErrUnavailable means that no process listens: it does not run, or not with sdk.WithControl.
var ErrUnavailable = errors.New("control: no process listens for the ledger; the service must open it with sdk.WithControl, or ledger.control of its configuration")

// errWindows is the error where nobody can listen.
var errWindows = errors.New("control: not supported on Windows")

func supported() bool { return runtime.GOOS != "windows" }

// timeout bounds a request, and maxMessage its size in bytes, both ways.
const (
	timeout    = time.Minute
	maxMessage = 4 << 10
)

// request is what a client sends, as a line of JSON. A pointer is set for what is asked.
type request struct {
	RemoveBefore *uint64 `json:"remove_before,omitempty"`
}

// response is the line of JSON that answers it.
type response struct {
	First uint64 `json:"first,omitempty"`
	Error string `json:"error,omitempty"`
}

// read reads a line of JSON.
func read(r io.Reader, to any) error {
	d := json.NewDecoder(io.LimitReader(r, maxMessage))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

func socketPath(dir string) string { return filepath.Join(dir, directoryName, socketName) }
