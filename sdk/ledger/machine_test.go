package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
)

// Machine is a computer whose power can be cut, for tests of packages that use a ledger. Its
// disk holds a ledger, and other files in a directory of the ledger's.
type Machine struct {
	disk *memDisk
}

// Process is a process on a Machine. Its faults are those of the ledger's own tests.
type Process struct {
	dir    *memDir
	faults *faults
}

// NewMachine returns a machine with an empty disk.
func NewMachine(r *rand.Rand) *Machine { return &Machine{disk: newMemDisk(r)} }

// PowerCut returns the machine after a power cut.
func (m *Machine) PowerCut() *Machine { return &Machine{disk: m.disk.powerCut()} }

// HonestFaults are the names of the faults of which no power cut and no disk says that
// something is durable that is not.
func HonestFaults() []string {
	var names []string
	for _, kind := range faultKinds {
		if kind != faultLie && kind != faultHang {
			names = append(names, string(kind))
		}
	}
	return names
}

// Start starts a process, which has a fault at its operation with the given number, from 1.
func (m *Machine) Start(fault string, at int) *Process {
	f := &faults{kind: faultKind(fault), at: at}
	return &Process{dir: m.disk.open(f), faults: f}
}

// Restart starts a process after p has ended. Its operations are counted with those of p, and
// they have one fault together.
func (m *Machine) Restart(p *Process) *Process {
	return &Process{dir: m.disk.open(p.faults), faults: p.faults}
}

// Open opens the ledger.
func (p *Process) Open(opts ...Option) (*Ledger, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return openIn(context.Background(), p.dir, c)
}

// Reader opens the ledger for reading, with a process of its own.
func (m *Machine) Reader() *Reader { return &Reader{dir: m.disk.open(nil)} }

// Kill ends the process.
func (p *Process) Kill() { p.dir.kill() }

// Killed reports whether the process or the machine has stopped.
func (p *Process) Killed() bool { return p.dir.isKilled() }

// Hit returns the operation that failed.
func (p *Process) Hit() (operation string, ok bool) {
	op, ok := p.faults.hitOperation()
	return string(op.kind), ok
}

// MachineFiles are the files in a directory. They implement seal.Files.
type MachineFiles struct {
	dir    *memDir
	prefix string
}

// Files returns the files in a directory.
func (p *Process) Files(dir string) MachineFiles { return MachineFiles{p.dir, dir + "/"} }

// Files returns the files in a directory, as a process of its own sees them.
func (m *Machine) Files(dir string) MachineFiles { return MachineFiles{m.disk.open(nil), dir + "/"} }

func (f MachineFiles) Read(name string) ([]byte, error) {
	opened, err := f.dir.Open(f.prefix + name)
	if err != nil {
		return nil, err
	}
	size, err := opened.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err = opened.ReadAt(b, 0); errors.Is(err, io.EOF) {
		err = nil
	}
	return b, err
}

func (f MachineFiles) Write(name string, data []byte) error { return f.write(name, data, false) }

func (f MachineFiles) Create(name string, data []byte) error {
	created, err := f.dir.Create(f.prefix + name)
	if errors.Is(err, fs.ErrExist) {
		return f.Write(name, data)
	}
	if err == nil && len(data) > 0 {
		_, err = created.WriteAt(data, 0)
	}
	return err
}

func (f MachineFiles) Replace(name string, data []byte) error { return f.write(name, data, true) }

func (f MachineFiles) write(name string, data []byte, durable bool) error {
	temporary := f.prefix + name + ".new"
	err := removeIfExists(f.dir, temporary)
	if err != nil {
		return err
	}
	created, err := f.dir.Create(temporary)
	if err == nil && len(data) > 0 {
		_, err = created.WriteAt(data, 0)
	}
	if err == nil && durable {
		err = created.Sync()
	}
	if err == nil {
		err = f.rename(temporary, f.prefix+name)
	}
	if err == nil && durable {
		err = f.dir.Sync()
	}
	return err
}

// rename replaces a file, which the ledger never does.
func (f MachineFiles) rename(from, to string) error {
	return f.dir.do(operation{kind: opRename}, func(verdict) error {
		node := f.dir.disk.names[from]
		if node == nil {
			return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
		}
		f.dir.disk.change(nameChange{from: from, to: to, node: node})
		return nil
	})
}

func (f MachineFiles) Sync(names ...string) error {
	for _, name := range names {
		opened, err := f.dir.Open(f.prefix + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = opened.Sync()
		}
		if err != nil {
			return err
		}
	}
	return f.dir.Sync()
}

func (f MachineFiles) Remove(name string) error {
	names, err := f.dir.List()
	for _, n := range names {
		if n == f.prefix+name || strings.HasPrefix(n, f.prefix+name+"/") {
			err = errors.Join(err, removeIfExists(f.dir, n))
		}
	}
	return err
}
