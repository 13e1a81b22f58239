package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
)

// slotFile is a small file with one value that is replaced atomically. The value is
// written to two slots in turn, each with a checksum and a generation, so an
// interrupted write leaves the previous value intact. The file never grows, so it can
// be written even if the disk is full.
type slotFile struct {
	name       string
	path       string // for errors
	file       file
	generation uint64
	intact     int // how many of the two slots were valid when the file was opened
}

const (
	slotSize       = 4096 // large enough that one write cannot tear the other slot
	slotHeaderSize = 24   // magic, generation, length of the value
	slotMagic      = 0x544f_4c53_4445_444f
	maxSlotValue   = 256
)

func newSlotFile(dir fileSystem, name string, f file) *slotFile {
	return &slotFile{name: name, path: filepath.Join(dir.Path(), name), file: f}
}

// createSlotFile creates the file with its first value in both slots, so that a slot
// which is not valid was damaged, or was being written. It uses a temporary name until the
// file is complete, and replaces an existing file.
func createSlotFile(dir fileSystem, name string, value []byte) (*slotFile, error) {
	temporary := name + temporarySuffix
	if err := errors.Join(removeIfExists(dir, temporary), removeIfExists(dir, name)); err != nil {
		return nil, err
	}
	f, err := dir.Create(temporary)
	if err != nil {
		return nil, err
	}
	s := newSlotFile(dir, name, f)
	_, err = f.WriteAt(make([]byte, 2*slotSize), 0)
	for range 2 {
		if err == nil {
			err = s.writeSlot(value)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Rename(temporary, name)
	}
	if err == nil {
		err = dir.Sync()
	}
	if err == nil {
		s.file, err = dir.Open(name)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: create %s: %w", s.path, err)
	}
	return s, nil
}

// openSlotFile opens the file and returns its value.
func openSlotFile(dir fileSystem, name string) (*slotFile, []byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, nil, err
	}
	s := newSlotFile(dir, name, f)
	value, err := s.read()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return s, value, nil
}

// read returns the newest intact value.
func (s *slotFile) read() ([]byte, error) {
	copies, err := s.readCopies()
	if err != nil {
		return nil, err
	}
	if len(copies) == 0 {
		return nil, &CorruptError{File: s.name, Reason: "both slots are damaged"}
	}
	s.generation, s.intact = copies[0].generation, len(copies)
	return copies[0].value, nil
}

// slotCopy is the content of one slot.
type slotCopy struct {
	generation uint64
	value      []byte
}

// readCopies returns the intact slots, newest first.
func (s *slotFile) readCopies() ([]slotCopy, error) {
	var copies []slotCopy
	for i := range int64(2) {
		b := make([]byte, slotSize)
		if n, err := s.file.ReadAt(b, i*slotSize); n < slotSize {
			if isShortRead(err) || isBadSector(err) {
				continue
			}
			return nil, fmt.Errorf("ledger: read %s: %w", s.path, err)
		}
		if generation, value, ok := parseSlot(b); ok && generation > 0 {
			copies = append(copies, slotCopy{generation: generation, value: value})
		}
	}
	slices.SortFunc(copies, func(a, b slotCopy) int { return cmp.Compare(b.generation, a.generation) })
	return copies, nil
}

func parseSlot(b []byte) (generation uint64, value []byte, ok bool) {
	le := binary.LittleEndian
	n := le.Uint64(b[16:])
	if le.Uint64(b) != slotMagic || n > maxSlotValue {
		return 0, nil, false
	}
	end := slotHeaderSize + int(n)
	return le.Uint64(b[8:]), b[slotHeaderSize:end], le.Uint32(b[end:]) == crc32.Checksum(b[:end], castagnoli)
}

// write replaces the value and makes it durable. On failure the file holds the
// previous value or the new one.
func (s *slotFile) write(value []byte) error {
	before := s.generation
	err := s.writeSlot(value)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		s.generation = before
		return fmt.Errorf("ledger: write %s: %w", s.path, err)
	}
	return nil
}

// writeSlot replaces the older value.
func (s *slotFile) writeSlot(value []byte) error {
	le := binary.LittleEndian
	b := make([]byte, slotHeaderSize, sectorSize)
	le.PutUint64(b, slotMagic)
	le.PutUint64(b[8:], s.generation+1)
	le.PutUint64(b[16:], uint64(len(value)))
	b = append(b, value...)
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, err := s.file.WriteAt(b, int64((s.generation+1)%2)*slotSize)
	if err == nil {
		s.generation++
	}
	return err
}
