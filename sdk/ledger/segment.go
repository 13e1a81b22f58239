package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A segment is a file of frames after a header of one sector. It is filled with zeros
// and synced before it gets its header and name, so an append changes only its
// content.
const (
	segmentHeaderSize = sectorSize
	segmentMagic      = 0x3152_4744_454c_444f
	segmentSuffix     = ".segment"
	temporarySuffix   = ".new"
)

// segmentHeader is the header of a segment. It also records where the previous segment
// ends.
type segmentHeader struct {
	ledger   ledgerID
	number   uint64
	first    uint64 // sequence number of its first entry
	capacity int64  // size of the file
	created  int64  // Unix nanoseconds
	// age is the age that the ledger had at most when the segment was created; see
	// ageClock. It is zero in format 1.
	age time.Duration
	// previous is the number of the segment that this one continues, and previousEnd
	// is where that one ends. Everything after previousEnd, and any segment between
	// the two, is void.
	previous    uint64
	previousEnd int64
	rebuilt     bool // the header is damaged, and was derived from the frames; previous is unknown
}

func segmentName(number uint64) string {
	const zeros = "000000000000"
	var buffer [20]byte
	digits := strconv.AppendUint(buffer[:0], number, 10)
	return zeros[min(len(digits), len(zeros)):] + string(digits) + segmentSuffix
}

// segmentNumber returns the number in a name that segmentName returned.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && segmentName(number) == name
}

func (h *segmentHeader) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, segmentHeaderSize)
	le.PutUint64(b, segmentMagic)
	copy(b[16:], h.ledger[:])
	le.PutUint64(b[32:], h.number)
	le.PutUint64(b[40:], h.first)
	le.PutUint64(b[48:], uint64(h.capacity))
	le.PutUint64(b[56:], h.previous)
	le.PutUint64(b[64:], uint64(h.previousEnd))
	le.PutUint64(b[72:], uint64(h.created))
	le.PutUint64(b[80:], uint64(h.age))
	le.PutUint32(b[508:], crc32.Checksum(b[:508], castagnoli))
	return b
}

func decodeSegmentHeader(b []byte) (h segmentHeader, ok bool) {
	le := binary.LittleEndian
	if le.Uint64(b) != segmentMagic || le.Uint32(b[508:]) != crc32.Checksum(b[:508], castagnoli) {
		return h, false
	}
	copy(h.ledger[:], b[16:])
	h.number = le.Uint64(b[32:])
	h.first = le.Uint64(b[40:])
	h.capacity = int64(le.Uint64(b[48:]))
	h.previous = le.Uint64(b[56:])
	h.previousEnd = int64(le.Uint64(b[64:]))
	h.created = int64(le.Uint64(b[72:]))
	h.age = time.Duration(le.Uint64(b[80:]))
	return h, true
}

// segment is an open segment file.
type segment struct {
	segmentHeader
	file file

	syncMu  sync.Mutex
	syncErr error // error of the first failed sync
}

// sync makes all writes durable. Once it has failed, it keeps failing: the system may
// have dropped the data that it could not write, and reports that to one caller only.
// A second sync would succeed although the data is lost.
func (s *segment) sync() error {
	s.syncMu.Lock()
	defer s.syncMu.Unlock()
	if s.syncErr == nil {
		s.syncErr = s.file.Sync()
	}
	return s.syncErr
}

func (s *segment) name() string { return segmentName(s.number) }

func (s *segment) location(offset int64) location {
	return location{ledger: s.ledger, segment: s.number, offset: offset}
}

// openSegment opens a segment of the ledger and checks its header.
func openSegment(dir fileSystem, id ledgerID, number uint64) (*segment, error) {
	f, err := dir.Open(segmentName(number))
	if err != nil {
		return nil, err
	}
	s := &segment{file: f}
	if err := s.readHeader(id, number); err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// readAnyHeader returns the header of a segment of any ledger.
func readAnyHeader(dir fileSystem, number uint64) (h segmentHeader, err error) {
	f, err := dir.Open(segmentName(number))
	if err != nil {
		return h, err
	}
	s := &segment{file: f}
	err = s.decodeHeader(number)
	return s.segmentHeader, errors.Join(err, f.Close())
}

func (s *segment) readHeader(id ledgerID, number uint64) error {
	if err := s.decodeHeader(number); err != nil {
		return err
	}
	if s.ledger != id {
		return &CorruptError{File: segmentName(number), Reason: "the file belongs to another ledger"}
	}
	return nil
}

// decodeHeader reads the header of the file, which has the given number.
func (s *segment) decodeHeader(number uint64) error {
	corrupt := func(reason string) error {
		return &CorruptError{File: segmentName(number), Reason: reason}
	}
	b := make([]byte, segmentHeaderSize)
	if n, err := s.file.ReadAt(b, 0); n < len(b) {
		switch {
		case isShortRead(err):
			return corrupt("the file ends within its header")
		case isBadSector(err):
			return corrupt("the device cannot read the header: " + err.Error())
		}
		return fmt.Errorf("ledger: read %s: %w", segmentName(number), err)
	}
	h, ok := decodeSegmentHeader(b)
	switch {
	case !ok:
		return corrupt("the header is damaged")
	case h.number != number:
		return corrupt("the file is another segment")
	}
	s.segmentHeader = h
	return nil
}

// checkSize checks that the file is as long as its header says.
func (s *segment) checkSize() error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("ledger: %s: %w", s.name(), err)
	}
	if size < s.capacity {
		return &CorruptError{File: s.name(), Offset: size, Reason: "the file is shorter than its header says"}
	}
	return nil
}

// fillSize is how many zeros are written at once.
const fillSize = 1 << 20

// createZeroFile creates a file of zeros. Its content is durable, its name is not.
func createZeroFile(dir fileSystem, name string, size int64) (err error) {
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	if f, ok := f.(*osFile); ok {
		err = checkRoom(f.File, size)
	}
	zeros := make([]byte, min(size, fillSize))
	for at := int64(0); at < size && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// createSegment turns a file of zeros into a segment: it writes the header and the
// frames, if any, and renames the file.
func createSegment(dir fileSystem, zeroFile string, h segmentHeader, frames []byte) (*segment, error) {
	f, err := dir.Open(zeroFile)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(append(h.encode(), frames...), 0)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close()) // some systems cannot rename open files
	name := segmentName(h.number)
	if err == nil {
		err = dir.Rename(zeroFile, name)
	}
	if err == nil {
		err = dir.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: create %s: %w", name, err)
	}
	f, err = dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &segment{segmentHeader: h, file: f}, nil
}

// isShortRead reports whether a read failed only because the file is too short.
func isShortRead(err error) bool { return err == nil || errors.Is(err, io.EOF) }

func now() int64 { return time.Now().UnixNano() }
