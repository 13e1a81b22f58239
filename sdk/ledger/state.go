package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// ledgerID tells the files of one ledger from those of others.
type ledgerID [16]byte

// state is what the segments themselves cannot say: which of them there should be,
// and whether the last writer closed the ledger.
type state struct {
	id     ledgerID
	oldest uint64 // number of the oldest segment that was not removed
	first  uint64 // sequence number of its first entry
	newest uint64 // number of the newest segment
	closed bool
	end    int64  // of the newest segment when it was closed
	next   uint64 // sequence number of the next entry when it was closed
}

const (
	stateFile    = "state"
	stateVersion = 1
	stateSize    = 8 + 16 + 6*8
)

var errNewer = errors.New("ledger: it was written by a newer version of this package")

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
	return le.AppendUint64(b, s.next)
}

func decodeState(b []byte) (s state, err error) {
	le := binary.LittleEndian
	if len(b) < 8 || le.Uint64(b) != stateVersion {
		return s, errNewer
	}
	if len(b) != stateSize {
		return s, &CorruptError{Segment: stateFile, Reason: "its length is wrong"}
	}
	copy(s.id[:], b[8:])
	s.oldest = le.Uint64(b[24:])
	s.first = le.Uint64(b[32:])
	s.newest = le.Uint64(b[40:])
	s.closed = le.Uint64(b[48:]) == 1
	s.end = int64(le.Uint64(b[56:]))
	s.next = le.Uint64(b[64:])
	return s, nil
}
