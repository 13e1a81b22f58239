package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// slots is a small file with one value that is replaced as a whole: it is written to
// two places in turn, each with a checksum and a generation, so that a write that
// was cut off leaves the value before it. The file never grows, so that a full disk
// does not keep it from being written.
type slots struct {
	name       string
	file       file
	generation uint64
}

const (
	slotSize    = 4096 // no write of one can tear the other
	slotHeader  = 24   // magic, generation, length of the value
	slotMagic   = 0x544f_4c53_4445_444f
	maxSlotData = 256
)

// createSlots makes the file with its first value, under a name of its own until it
// is whole. What an attempt that failed has left is replaced.
func createSlots(dir fileSystem, name string, value []byte) (*slots, error) {
	temporary := name + temporarySuffix
	if err := errors.Join(discard(dir, temporary), discard(dir, name)); err != nil {
		return nil, err
	}
	f, err := dir.Create(temporary)
	if err != nil {
		return nil, err
	}
	s := &slots{name: name, file: f}
	_, err = f.WriteAt(make([]byte, 2*slotSize), 0)
	if err == nil {
		err = s.write(value)
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
		return nil, fmt.Errorf("ledger: making %s: %w", name, err)
	}
	return s, nil
}

// openSlots opens the file and returns its value.
func openSlots(dir fileSystem, name string) (*slots, []byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, nil, err
	}
	s := &slots{name: name, file: f}
	value, err := s.read()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return s, value, nil
}

func (s *slots) read() ([]byte, error) {
	copies, err := s.copies()
	if err != nil {
		return nil, err
	}
	if len(copies) == 0 {
		return nil, &CorruptError{Segment: s.name, Reason: "neither of its two copies is as it was written"}
	}
	s.generation = copies[0].generation
	return copies[0].value, nil
}

// slotCopy is one of the two.
type slotCopy struct {
	generation uint64
	value      []byte
}

// copies returns those that are as they were written, the newest first.
func (s *slots) copies() ([]slotCopy, error) {
	var copies []slotCopy
	for i := range int64(2) {
		b := make([]byte, slotSize)
		if n, err := s.file.ReadAt(b, i*slotSize); n < slotSize {
			if isEnd(err) {
				continue
			}
			return nil, fmt.Errorf("ledger: reading %s: %w", s.name, err)
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
	if le.Uint64(b) != slotMagic || n > maxSlotData {
		return 0, nil, false
	}
	end := slotHeader + int(n)
	return le.Uint64(b[8:]), b[slotHeader:end], le.Uint32(b[end:]) == crc32.Checksum(b[:end], castagnoli)
}

// write replaces the value and makes it durable. After an error the file has the
// value before it or the new one.
func (s *slots) write(value []byte) error {
	le := binary.LittleEndian
	b := make([]byte, slotHeader, sectorSize)
	le.PutUint64(b, slotMagic)
	le.PutUint64(b[8:], s.generation+1)
	le.PutUint64(b[16:], uint64(len(value)))
	b = append(b, value...)
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, err := s.file.WriteAt(b, int64((s.generation+1)%2)*slotSize)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("ledger: writing %s: %w", s.name, err)
	}
	s.generation++
	return nil
}
