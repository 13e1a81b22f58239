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
	opIs      operationKind = "Is"
	opLock    operationKind = "Lock"
	opReadAt  operationKind = "ReadAt"
	opWriteAt operationKind = "WriteAt"
	opSync    operationKind = "Sync"
	opSize    operationKind = "Size"
)

// operation is one call of a file system.
type operation struct {
	kind  operationKind
	grows bool // it needs room on the disk
}

func (o operation) syncs() bool { return o.kind == opSync || o.kind == opSyncDir }

// verdict says what becomes of an operation.
type verdict struct {
	without  bool  // nothing is done
	short    bool  // a part is written
	lies     bool  // a sync does nothing, and says that it did
	powerCut bool  // it is the last one
	err      error // what it returns
}

type faultKind string

const (
	faultWithout  faultKind = "an error without effect"
	faultShort    faultKind = "an error after a short write"
	faultAfter    faultKind = "an error after the effect"
	faultBurst    faultKind = "errors without effect for a while"
	faultHang     faultKind = "a hang"
	faultFull     faultKind = "a full disk for a while"
	faultLie      faultKind = "a sync that lies"
	faultPowerCut faultKind = "a power cut"
)

var faultKinds = []faultKind{
	faultWithout, faultShort, faultAfter, faultBurst, faultHang, faultFull, faultLie, faultPowerCut,
}

// faultLength is how many operations in a row fail in a burst or on a full disk.
const faultLength = 4

var errFault = errors.New("injected fault")

// faults counts the operations that a kind of fault can befall, and lets it befall one.
type faults struct {
	kind faultKind
	only operationKind // of all that it can befall; empty: any
	at   int           // the number of the operation, from 1
	hang time.Duration

	mu    sync.Mutex
	count int
	met   operation // which one it was
}

// applies reports whether the fault can befall the operation.
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

func (f *faults) judge(op operation) verdict {
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
		f.met = op
	}
	f.mu.Unlock()
	switch f.kind {
	case faultShort:
		return verdict{short: true, err: errFault}
	case faultAfter:
		return verdict{err: errFault}
	case faultHang:
		time.Sleep(f.hang)
		return verdict{}
	case faultFull:
		return verdict{without: true, err: syscall.ENOSPC}
	case faultLie:
		return verdict{lies: true}
	case faultPowerCut:
		return verdict{powerCut: true}
	default:
		return verdict{without: true, err: errFault}
	}
}

// arm has the next operation meet the fault.
func (f *faults) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.count + 1
}

// metOne returns the operation that met the fault, if one did.
func (f *faults) metOne() (operation, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met, f.met.kind != ""
}
