package ledger

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

type operationKind string

const (
	opCreate  operationKind = "Create"
	opOpen    operationKind = "Open"
	opRename  operationKind = "Rename"
	opRemove  operationKind = "Remove"
	opList    operationKind = "List"
	opSyncDir operationKind = "Sync of the directory"
	opVerify  operationKind = "Verify"
	opPeek    operationKind = "Peek"
	opLock    operationKind = "Lock"
	opReadAt  operationKind = "ReadAt"
	opWriteAt operationKind = "WriteAt"
	opSync    operationKind = "Sync"
	opSize    operationKind = "Size"
)

// operation is one call of a file system.
type operation struct {
	kind  operationKind
	grows bool // needs room on the disk
}

func (o operation) syncs() bool { return o.kind == opSync || o.kind == opSyncDir }

// verdict says how an operation fails.
type verdict struct {
	noEffect bool  // the operation has no effect
	short    bool  // only part of the data is written
	lies     bool  // a sync does nothing but succeeds
	powerCut bool  // the power is cut during the operation
	err      error // returned by the operation
}

type faultKind string

const (
	faultNoEffect    faultKind = "an error without effect"
	faultShort       faultKind = "an error after a short write"
	faultAfterEffect faultKind = "an error after the effect"
	faultBurst       faultKind = "errors without effect for a while"
	faultHang        faultKind = "a hang"
	faultFull        faultKind = "a full disk for a while"
	faultLie         faultKind = "a sync that lies"
	faultPowerCut    faultKind = "a power cut"
)

var faultKinds = []faultKind{
	faultNoEffect, faultShort, faultAfterEffect, faultBurst, faultHang, faultFull, faultLie, faultPowerCut,
}

// faultLength is how many consecutive operations fail in a burst or on a full disk.
const faultLength = 4

var errFault = errors.New("injected fault")

// faults injects one fault. It counts the operations that the fault applies to, and
// makes one of them fail.
type faults struct {
	kind faultKind
	only operationKind // limits the fault to this kind of operation; empty: any
	at   int           // number of the operation that fails, from 1
	hang time.Duration

	mu    sync.Mutex
	count int
	hit   operation // the operation that failed
}

// applies reports whether the fault can affect the operation.
func (f *faults) applies(op operation) bool {
	if f.only != "" && f.only != op.kind {
		return false
	}
	switch f.kind {
	case faultShort:
		return op.kind == opWriteAt
	case faultFull:
		return op.grows
	case faultLie:
		return op.syncs()
	default:
		return true
	}
}

// decide counts an operation and returns what happens to it.
func (f *faults) decide(op operation) verdict {
	if f == nil || !f.applies(op) {
		return verdict{}
	}
	f.mu.Lock()
	f.count++
	length := 1
	if f.kind == faultBurst || f.kind == faultFull {
		length = faultLength
	}
	if f.count < f.at || f.count >= f.at+length {
		f.mu.Unlock()
		return verdict{}
	}
	if f.count == f.at {
		f.hit = op
	}
	f.mu.Unlock()
	switch f.kind {
	case faultShort:
		return verdict{short: true, err: errFault}
	case faultAfterEffect:
		return verdict{err: errFault}
	case faultHang:
		time.Sleep(f.hang)
		return verdict{}
	case faultFull:
		return verdict{noEffect: true, err: syscall.ENOSPC}
	case faultLie:
		return verdict{lies: true}
	case faultPowerCut:
		return verdict{powerCut: true}
	default:
		return verdict{noEffect: true, err: errFault}
	}
}

// arm makes the next operation fail.
func (f *faults) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.count + 1
}

// hitOperation returns the operation that failed, if any.
func (f *faults) hitOperation() (operation, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit, f.hit.kind != ""
}
