package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"
)

// ledgerID identifies a ledger in all of its files.
type ledgerID [16]byte

// state records what the segments themselves cannot: which of them exist, and whether
// the last writer closed the ledger.
type state struct {
	id     ledgerID
	oldest uint64 // number of the oldest segment that was not removed
	first  uint64 // sequence number of its first entry
	newest uint64 // number of the newest segment
	closed bool
	end    int64  // end of the newest segment, if closed
	next   uint64 // sequence number of the next entry, if closed
	owner  ownerID
	age    time.Duration // of the ledger when the state was stored; see ageClock
	seen   time.Time     // latest time that the system clock has shown; zero if unknown
}

// ownerID identifies a writer. Each Open chooses a new one.
type ownerID [16]byte

const (
	stateFileName = "state"
	stateVersion  = 2
	stateSize     = 8 + 16 + 6*8 + 16 + 2*8
	stateSizeV1   = 8 + 16 + 6*8 // version 1 ends after next
)

// errNewerVersion means that a file has an unknown version.
var errNewerVersion = errors.New("ledger: written by a newer version of this package; upgrade to read it")

func newState() state {
	s := state{oldest: 1, first: 1}
	_, _ = rand.Read(s.id[:]) // never fails
	return s
}

func (s *state) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, stateSize)
	b = le.AppendUint64(b, stateVersion)
	b = append(b, s.id[:]...)
	b = le.AppendUint64(b, s.oldest)
	b = le.AppendUint64(b, s.first)
	b = le.AppendUint64(b, s.newest)
	closed := uint64(0)
	if s.closed {
		closed = 1
	}
	b = le.AppendUint64(b, closed)
	b = le.AppendUint64(b, uint64(s.end))
	b = le.AppendUint64(b, s.next)
	b = append(b, s.owner[:]...)
	b = le.AppendUint64(b, uint64(s.age))
	if s.seen.IsZero() {
		return le.AppendUint64(b, 0)
	}
	return le.AppendUint64(b, uint64(s.seen.UnixNano()))
}

func decodeState(b []byte) (s state, err error) {
	le := binary.LittleEndian
	if len(b) < 8 || le.Uint64(b) == 0 || le.Uint64(b) > stateVersion {
		return s, errNewerVersion
	}
	v1 := le.Uint64(b) == 1
	if !v1 && len(b) != stateSize || v1 && len(b) != stateSizeV1 {
		return s, &CorruptError{File: stateFileName, Reason: "the length of the value is wrong"}
	}
	copy(s.id[:], b[8:])
	s.oldest = le.Uint64(b[24:])
	s.first = le.Uint64(b[32:])
	s.newest = le.Uint64(b[40:])
	s.closed = le.Uint64(b[48:]) == 1
	s.end = int64(le.Uint64(b[56:]))
	s.next = le.Uint64(b[64:])
	if !v1 {
		copy(s.owner[:], b[72:])
		s.age = time.Duration(le.Uint64(b[88:]))
		if seen := int64(le.Uint64(b[96:])); seen != 0 {
			s.seen = time.Unix(0, seen)
		}
	}
	return s, nil
}

// distrust drops what the older of two copies may say wrongly, unless both copies are
// intact. One is not where a write was interrupted, or where the newer copy is damaged.
// The ledger may then have been opened since it was closed, or closed since. What the
// older copy knows of the beginning and the end stays a lower limit.
func (s *state) distrust(intact int) {
	if intact < 2 {
		s.closed = false
	}
}

// stateFromSegments derives the state from the segments, for a ledger that has lost it.
// The oldest segment becomes the beginning. The error matches errNoLedger if there are no
// segments, and is a *CorruptError if none has a valid header.
func stateFromSegments(dir fileSystem) (state, error) {
	names, err := dir.List()
	if err != nil {
		return state{}, err
	}
	numbers := segmentFiles(names)
	if len(numbers) == 0 {
		return state{}, errors.Join(errNoLedger, fs.ErrNotExist)
	}
	id, oldest, err := commonLedger(dir, numbers)
	if err != nil {
		return state{}, err
	}
	s := state{id: id, oldest: oldest}
	c, err := loadCatalog(dir, &s)
	if err != nil {
		return state{}, err
	}
	if len(c.extents) == 0 {
		return state{}, &CorruptError{File: stateFileName, Reason: "it is lost, and no segment can be read"}
	}
	s.oldest, s.first, s.newest = c.extents[0].number, c.extents[0].first, c.newest.number
	s.age = c.newest.age
	return s, nil
}

// commonLedger returns the ID of the ledger that most segments belong to, and the number
// of the oldest of them.
func commonLedger(dir fileSystem, numbers []uint64) (id ledgerID, oldest uint64, err error) {
	found := map[ledgerID][]uint64{}
	for _, number := range numbers {
		h, err := readAnyHeader(dir, number)
		if errors.Is(err, fs.ErrNotExist) {
			return id, 0, errSegmentRemoved
		}
		if err != nil && !isCorrupt(err) {
			return id, 0, err
		}
		if err == nil {
			found[h.ledger] = append(found[h.ledger], number)
			if len(found[h.ledger]) >= len(found[id]) {
				id = h.ledger
			}
		}
	}
	if len(found) == 0 {
		return id, 0, &CorruptError{File: stateFileName, Reason: "it is lost, and no segment can be read"}
	}
	return id, found[id][0], nil
}
