package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// disk holds files in memory: what programs see of them, and what of that a power cut
// would leave. Content lasts once its file was synced, names once the directory was.
type disk struct {
	mu      sync.Mutex
	rand    *rand.Rand        // decides what lasts without having been synced
	names   map[string]*inode // as programs see them
	lasting map[string]*inode
	changes []nameChange // from lasting to names
	locked  *memDir
}

// inode is the content of a file.
type inode struct {
	data    []byte // as programs see it
	lasting []byte
	dirty   []bool // by sector: a sync is to write it
}

// nameChange is one change to the directory: to is the node's new name, from its old
// one; either may be empty.
type nameChange struct {
	from, to string
	node     *inode
}

func (c nameChange) apply(names map[string]*inode) {
	if c.from != "" && names[c.from] == c.node {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.node
	}
}

func newDisk(r *rand.Rand) *disk {
	return &disk{rand: r, names: map[string]*inode{}, lasting: map[string]*inode{}}
}

func (d *disk) chance() bool { return d.rand.IntN(2) == 0 }

// change makes a change to the names, which lasts from the next sync on.
func (d *disk) change(c nameChange) {
	c.apply(d.names)
	d.changes = append(d.changes, c)
}

func (d *disk) syncNames() {
	for _, c := range d.changes {
		c.apply(d.lasting)
	}
	d.changes = nil
}

// powerCut returns what the disk has when the power is back: of what was not synced,
// each sector and each change of names is there or not.
func (d *disk) powerCut() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk(d.rand)
	names := maps.Clone(d.lasting)
	for _, c := range d.changes {
		if d.chance() {
			c.apply(names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		node := names[name]
		left := &inode{lasting: bytes.Clone(node.lasting)}
		for sector, dirty := range node.dirty {
			if dirty && d.chance() {
				left.keep(node.data, sector)
			}
		}
		after.put(name, left.lasting)
	}
	return after
}

// clone returns a copy of what programs see, all of it synced.
func (d *disk) clone() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newDisk(d.rand)
	for name, node := range d.names {
		c.put(name, bytes.Clone(node.data))
	}
	return c
}

// put makes a file, or replaces it, durably.
func (d *disk) put(name string, data []byte) {
	node := &inode{data: data, lasting: bytes.Clone(data), dirty: make([]bool, sectors(len(data)))}
	d.names[name], d.lasting[name] = node, node
}

func sectors(size int) int { return (size + sectorSize - 1) / sectorSize }

// keep makes a sector of data last.
func (n *inode) keep(data []byte, sector int) {
	from, to := sector*sectorSize, min((sector+1)*sectorSize, len(data))
	if grow := to - len(n.lasting); grow > 0 {
		n.lasting = append(n.lasting, make([]byte, grow)...)
	}
	copy(n.lasting[from:to], data[from:to])
}

// write changes what programs see. A sector that is written again may have been
// written back by then.
func (n *inode) write(b []byte, offset int, chance func() bool) {
	end := offset + len(b)
	if grow := end - len(n.data); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
		n.dirty = append(n.dirty, make([]bool, sectors(end)-len(n.dirty))...)
	}
	for sector := offset / sectorSize; sector < sectors(end); sector++ {
		if n.dirty[sector] && chance() {
			n.keep(n.data, sector)
		}
		n.dirty[sector] = true
	}
	copy(n.data[offset:], b)
}

func (n *inode) sync() {
	n.lasting = slices.Grow(n.lasting, len(n.data)-len(n.lasting))
	for sector, dirty := range n.dirty {
		if dirty {
			n.keep(n.data, sector)
		}
	}
	clear(n.dirty)
}

// failSync is a sync that fails as Linux does it: what it could not write it forgets,
// and no later sync writes it.
func (n *inode) failSync(chance func() bool) {
	for sector, dirty := range n.dirty {
		if dirty && chance() {
			n.keep(n.data, sector)
		}
	}
	clear(n.dirty)
}

// memDir is the fileSystem of one process, which meets its faults.
type memDir struct {
	disk   *disk
	faults *faults // nil: none
	killed bool    // the process or the machine is no more
}

var errKilled = errors.New("the process was killed")

func (d *disk) open(f *faults) *memDir { return &memDir{disk: d, faults: f} }

// kill ends the process: what it does from now on has no effect.
func (d *memDir) kill() {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.die()
}

func (d *memDir) die() {
	d.killed = true
	if d.disk.locked == d {
		d.disk.locked = nil
	}
}

func (d *memDir) isKilled() bool {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	return d.killed
}

// do runs an operation as its faults will have it.
func (d *memDir) do(op operation, effect func(verdict) error) error {
	if d.isKilled() {
		return errKilled
	}
	v := d.faults.judge(op)
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if d.killed {
		return errKilled
	}
	if v.powerCut {
		if d.disk.chance() {
			_ = effect(v) // it may not have come that far
		}
		d.die()
		return errKilled
	}
	if v.without && op.kind != opSync { // a sync that fails has an effect of its own
		return v.err
	}
	if err := effect(v); err != nil {
		return err
	}
	return v.err
}

func (d *memDir) Create(name string) (file, error) {
	var f file
	err := d.do(operation{kind: opCreate, grows: true}, func(verdict) error {
		if d.disk.names[name] != nil {
			return fmt.Errorf("create %s: %w", name, fs.ErrExist)
		}
		node := &inode{}
		d.disk.change(nameChange{to: name, node: node})
		f = &memFile{memDir: d, node: node}
		return nil
	})
	return f, err
}

func (d *memDir) Open(name string) (file, error) {
	var f file
	err := d.do(operation{kind: opOpen}, func(verdict) error {
		node := d.disk.names[name]
		if node == nil {
			return fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
		}
		f = &memFile{memDir: d, node: node}
		return nil
	})
	return f, err
}

func (d *memDir) Rename(from, to string) error {
	return d.do(operation{kind: opRename}, func(verdict) error {
		node := d.disk.names[from]
		switch {
		case node == nil:
			return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
		case d.disk.names[to] != nil:
			return fmt.Errorf("rename to %s: %w", to, fs.ErrExist)
		}
		d.disk.change(nameChange{from: from, to: to, node: node})
		return nil
	})
}

func (d *memDir) Remove(name string) error {
	return d.do(operation{kind: opRemove}, func(verdict) error {
		node := d.disk.names[name]
		if node == nil {
			return fmt.Errorf("remove %s: %w", name, fs.ErrNotExist)
		}
		d.disk.change(nameChange{from: name, node: node})
		return nil
	})
}

func (d *memDir) List() ([]string, error) {
	var names []string
	err := d.do(operation{kind: opList}, func(verdict) error {
		names = slices.Sorted(maps.Keys(d.disk.names))
		return nil
	})
	return names, err
}

func (d *memDir) Sync() error {
	return d.do(operation{kind: opSyncDir}, func(v verdict) error {
		if !v.lies && !v.powerCut {
			d.disk.syncNames()
		}
		return nil
	})
}

func (d *memDir) Is(name string, f file) (bool, error) {
	is := false
	err := d.do(operation{kind: opIs}, func(verdict) error {
		is = d.disk.names[name] == f.(*memFile).node
		return nil
	})
	return is, err
}

func (d *memDir) Lock() error {
	return d.do(operation{kind: opLock}, func(verdict) error {
		if d.disk.locked != nil {
			return ErrLocked
		}
		d.disk.locked = d
		return nil
	})
}

func (d *memDir) Close() error {
	d.kill()
	return nil
}

// memFile is an open file.
type memFile struct {
	*memDir
	node *inode
}

func (f *memFile) ReadAt(b []byte, offset int64) (int, error) {
	n := 0
	err := f.do(operation{kind: opReadAt}, func(verdict) error {
		if offset < int64(len(f.node.data)) {
			n = copy(b, f.node.data[offset:])
		}
		if n < len(b) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *memFile) WriteAt(b []byte, offset int64) (int, error) {
	n := 0
	err := f.do(operation{kind: opWriteAt, grows: f.size() < offset+int64(len(b))}, func(v verdict) error {
		n = len(b)
		if v.short {
			n = f.disk.rand.IntN(n)
		}
		f.node.write(b[:n], int(offset), f.disk.chance)
		return nil
	})
	return n, err
}

func (f *memFile) Sync() error {
	return f.do(operation{kind: opSync}, func(v verdict) error {
		switch {
		case v.without || v.powerCut:
			f.node.failSync(f.disk.chance)
		case !v.lies:
			f.node.sync()
		}
		return nil
	})
}

func (f *memFile) Size() (int64, error) {
	size := int64(0)
	err := f.do(operation{kind: opSize}, func(verdict) error {
		size = int64(len(f.node.data))
		return nil
	})
	return size, err
}

func (f *memFile) size() int64 {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.data))
}

func (f *memFile) Close() error { return nil }
