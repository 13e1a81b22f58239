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

// memDisk holds files in memory: their content as programs see it, and what would
// survive a power cut. Content is durable once the file was synced, names once the
// directory was.
type memDisk struct {
	mu      sync.Mutex
	rand    *rand.Rand        // decides which unsynced changes survive
	names   map[string]*inode // as programs see them
	durable map[string]*inode
	changes []nameChange // from durable to names
	locked  *memDir
}

// inode is the content of a file. Tests use so many that it copies little: it keeps of the
// durable content what differs from data.
type inode struct {
	data    []byte // as programs see it
	shared  bool   // another disk has the same data; it is copied before it is changed
	durable int    // size of the durable content
	sectors []sector
	dirty   []int // the sectors that were written since the last sync
}

// sector is the state of a sector of a file. The zero value is one that is durable.
type sector struct {
	dirty bool
	stale bool   // the durable content is old, not what programs see
	old   []byte // without zeros that follow
}

// nameChange is one change to the directory: it gives a node the name to and removes
// the name from. Either may be empty.
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

func newMemDisk(r *rand.Rand) *memDisk {
	return &memDisk{rand: r, names: map[string]*inode{}, durable: map[string]*inode{}}
}

func (d *memDisk) coin() bool { return d.rand.IntN(2) == 0 }

// change changes the names. The change is durable after the next sync.
func (d *memDisk) change(c nameChange) {
	c.apply(d.names)
	d.changes = append(d.changes, c)
}

func (d *memDisk) syncNames() {
	for _, c := range d.changes {
		c.apply(d.durable)
	}
	d.changes = nil
}

// powerCut returns the disk after a power cut. Each unsynced sector and name change
// survives by chance.
func (d *memDisk) powerCut() *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newMemDisk(d.rand)
	names := maps.Clone(d.durable)
	for _, c := range d.changes {
		if d.coin() {
			c.apply(names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		after.put(name, names[name].afterPowerCut(d.coin))
	}
	return after
}

// clone returns a copy of the disk as programs see it, with everything synced.
func (d *memDisk) clone() *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newMemDisk(d.rand)
	for name, node := range d.names {
		node.shared = true
		c.put(name, node.data)
		c.names[name].shared = true
	}
	return c
}

// put durably creates or replaces a file. The disk owns the data.
func (d *memDisk) put(name string, data []byte) {
	node := &inode{data: data, durable: len(data), sectors: make([]sector, sectors(len(data)))}
	d.names[name], d.durable[name] = node, node
}

// edit returns the content of a file, which may be changed.
func (d *memDisk) edit(name string) []byte {
	node := d.names[name]
	node.unshare()
	return node.data
}

func sectors(size int) int { return (size + sectorSize - 1) / sectorSize }

// bounds returns where a sector of data begins and ends.
func (n *inode) bounds(sector int) (from, to int) {
	return sector * sectorSize, min((sector+1)*sectorSize, len(n.data))
}

func (n *inode) unshare() {
	if n.shared {
		n.data, n.shared = bytes.Clone(n.data), false
	}
}

// persist makes one sector durable.
func (n *inode) persist(sector int) {
	_, to := n.bounds(sector)
	n.durable = max(n.durable, to)
	n.sectors[sector].stale, n.sectors[sector].old = false, nil
}

// write changes the content that programs see. A sector that was dirty before may have
// become durable by now.
func (n *inode) write(b []byte, offset int, coin func() bool) {
	n.unshare()
	end := offset + len(b)
	for index := offset / sectorSize; index < sectors(end); index++ {
		if index >= len(n.sectors) {
			n.sectors = append(n.sectors, make([]sector, sectors(end)-len(n.sectors))...)
		}
		s := &n.sectors[index]
		if s.dirty && coin() {
			n.persist(index)
		}
		if !s.dirty {
			s.dirty = true
			n.dirty = append(n.dirty, index)
		}
		if from, to := n.bounds(index); !s.stale {
			s.stale = true
			if to = min(to, n.durable); from < to {
				s.old = bytes.Clone(n.data[from:to])
			}
		}
	}
	if grow := end - len(n.data); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
	}
	copy(n.data[offset:], b)
}

func (n *inode) sync() {
	for _, sector := range n.dirty {
		n.persist(sector)
	}
	n.clean()
}

// failSync fails as a sync on Linux does: it forgets the data that it could not write,
// and no later sync writes it.
func (n *inode) failSync(coin func() bool) {
	for _, sector := range n.dirty {
		if coin() {
			n.persist(sector)
		}
	}
	n.clean()
}

// clean marks all sectors as not written since the last sync.
func (n *inode) clean() {
	for _, sector := range n.dirty {
		n.sectors[sector].dirty = false
	}
	n.dirty = n.dirty[:0]
}

// revert makes programs see the durable content of a sector.
func (n *inode) revert(sector int) {
	from, to := n.bounds(sector)
	clear(n.data[from:to])
	copy(n.data[from:to], n.sectors[sector].old)
}

// afterPowerCut returns the content after a power cut. Each sector that was not synced
// survives by chance.
func (n *inode) afterPowerCut(coin func() bool) []byte {
	kept := &inode{data: bytes.Clone(n.data), sectors: n.sectors, durable: n.durable}
	for index, s := range n.sectors {
		if _, to := n.bounds(index); s.dirty && coin() {
			kept.durable = max(kept.durable, to)
		} else if s.stale {
			kept.revert(index)
		}
	}
	return kept.data[:kept.durable]
}

// memDir is the fileSystem of one process, with its faults.
type memDir struct {
	disk   *memDisk
	faults *faults // nil: none
	killed bool    // the process or the machine has stopped
}

var errKilled = errors.New("the process was killed")

// open returns the directory for a new process.
func (d *memDisk) open(f *faults) *memDir { return &memDir{disk: d, faults: f} }

// kill ends the process. Its later operations have no effect.
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

// do runs an operation, subject to the faults.
func (d *memDir) do(op operation, effect func(verdict) error) error {
	if d.isKilled() {
		return errKilled
	}
	v := d.faults.decide(op)
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if d.killed {
		return errKilled
	}
	if v.powerCut {
		if d.disk.coin() {
			_ = effect(v) // or the power was cut before it
		}
		d.die()
		return errKilled
	}
	if v.noEffect && op.kind != opSync { // a failed sync has its own effect
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

func (d *memDir) Path() string { return "/memory" }

func (d *memDir) Verify(name string, f file) error {
	return d.do(operation{kind: opVerify}, func(verdict) error {
		m, known := f.(interface{ content() *inode }) // tests wrap some files
		if known && d.disk.names[name] != m.content() {
			return &LostError{Dir: d.Path(), File: name, Reason: reasonReplaced}
		}
		return nil
	})
}

func (d *memDir) VerifyLinks(name string, f file) error { return d.Verify(name, f) }

func (d *memDir) VerifyLock() error {
	return d.do(operation{kind: opVerify}, func(verdict) error { return nil })
}

func (d *memDir) Peek(name string, _ file, b []byte) (int, error) {
	n := 0
	err := d.do(operation{kind: opPeek}, func(verdict) error {
		node := d.disk.names[name]
		if node == nil {
			return &LostError{Dir: d.Path(), File: name, Reason: reasonReplaced}
		}
		n = copy(b, node.data)
		return nil
	})
	return n, err
}

func (d *memDir) Lock() (bool, error) {
	return false, d.do(operation{kind: opLock}, func(verdict) error {
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
		f.node.write(b[:n], int(offset), f.disk.coin)
		return nil
	})
	return n, err
}

func (f *memFile) Sync() error {
	return f.do(operation{kind: opSync}, func(v verdict) error {
		switch {
		case v.noEffect || v.powerCut:
			f.node.failSync(f.disk.coin)
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

func (f *memFile) content() *inode { return f.node }

func (f *memFile) Close() error { return nil }
