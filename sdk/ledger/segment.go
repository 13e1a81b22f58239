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

// A segment is a file of frames behind a header of one sector. It is filled with
// zeros and synced before it gets its header and its name, so that appending to it
// changes nothing but its content.
const (
	segmentHeaderSize = sectorSize
	segmentMagic      = 0x3152_4744_454c_444f
	segmentSuffix     = ".segment"
	temporarySuffix   = ".new"
)

// segmentHeader is what a segment says of itself and of the one before it.
type segmentHeader struct {
	ledger   ledgerID
	number   uint64
	first    uint64 // sequence number of its first entry
	capacity int64  // size of the file
	created  int64  // Unix nanoseconds
	// previous is the number of the segment that it continues, and previousEnd where
	// that one ends. What is behind, and segments between the two, are void.
	previous    uint64
	previousEnd int64
}

func segmentName(number uint64) string {
	digits := strconv.FormatUint(number, 10)
	return strings.Repeat("0", max(0, 12-len(digits))) + digits + segmentSuffix
}

// segmentNumber reads what segmentName writes.
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
	return h, true
}

// segment is an open segment file.
type segment struct {
	segmentHeader
	file file

	syncing  sync.Mutex
	unsynced error // of the first sync that failed
}

// sync makes what was written durable. Once that has failed it fails for good: the
// system may have forgotten what it could not write, and tells one caller only, so that
// another sync, at the same time or later, would succeed without it.
func (s *segment) sync() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	if s.unsynced == nil {
		s.unsynced = s.file.Sync()
	}
	return s.unsynced
}

func (s *segment) name() string { return segmentName(s.number) }

func (s *segment) place(offset int64) place {
	return place{ledger: s.ledger, segment: s.number, offset: offset}
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

func (s *segment) readHeader(id ledgerID, number uint64) error {
	wrong := func(reason string) error {
		return &CorruptError{Segment: segmentName(number), Reason: reason}
	}
	b := make([]byte, segmentHeaderSize)
	if n, err := s.file.ReadAt(b, 0); n < len(b) {
		if isEnd(err) {
			return wrong("the file ends inside of its header")
		}
		return fmt.Errorf("ledger: reading %s: %w", segmentName(number), err)
	}
	h, ok := decodeSegmentHeader(b)
	switch {
	case !ok:
		return wrong("its header is not as it was written")
	case h.ledger != id || h.number != number:
		return wrong("it is the segment of another ledger, or another one of this")
	}
	s.segmentHeader = h
	return nil
}

// checkSize compares the size of the file with what the header says.
func (s *segment) checkSize() error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("ledger: %s: %w", s.name(), err)
	}
	if size < s.capacity {
		return &CorruptError{Segment: s.name(), Offset: size, Reason: "the file is shorter than it was made"}
	}
	return nil
}

// fillSize is how much is written at once when a segment is made.
const fillSize = 1 << 20

// makeZeros makes a file of zeros, durable but for its name.
func makeZeros(dir fileSystem, name string, size int64) (err error) {
	f, err := dir.Create(name)
	if err != nil {
		return err
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

// adopt gives a file of zeros the header and its first frames, if any, and makes it a
// segment.
func adopt(dir fileSystem, zeros string, h segmentHeader, frames []byte) (*segment, error) {
	f, err := dir.Open(zeros)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(append(h.encode(), frames...), 0)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close()) // some systems rename no open files
	name := segmentName(h.number)
	if err == nil {
		err = dir.Rename(zeros, name)
	}
	if err == nil {
		err = dir.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: making %s: %w", name, err)
	}
	f, err = dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &segment{segmentHeader: h, file: f}, nil
}

// isEnd reports whether reading failed only because the file is too short.
func isEnd(err error) bool { return err == nil || errors.Is(err, io.EOF) }

func now() int64 { return time.Now().UnixNano() }
