package ledger

import (
	"encoding/binary"
	"time"
)

// scrubFileName is the file that says when a scrub last read everything. It is for people: a
// ledger without it, or with a damaged one, has not been scrubbed.
const scrubFileName = "scrubbed"

const (
	scrubFileVersion = 1
	scrubFileSize    = 8 + 16 + 8 + 8
)

// scrubResult is the value of the file.
type scrubResult struct {
	id      ledgerID
	ended   time.Time
	damaged int // how many damaged places were known then
}

func (r *scrubResult) encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, scrubFileSize), scrubFileVersion)
	b = append(b, r.id[:]...)
	b = le.AppendUint64(b, uint64(r.ended.UnixNano()))
	return le.AppendUint64(b, uint64(r.damaged))
}

// readScrubResult returns the last result. ok is false if none is known for this ledger.
func readScrubResult(dir fileSystem, id ledgerID) (r scrubResult, ok bool) {
	slots, value, err := openSlotFile(dir, scrubFileName)
	if err != nil {
		return r, false
	}
	_ = slots.file.Close() // opened for reading
	le := binary.LittleEndian
	if len(value) != scrubFileSize || le.Uint64(value) != scrubFileVersion || ledgerID(value[8:24]) != id {
		return r, false
	}
	return scrubResult{id: id, ended: time.Unix(0, int64(le.Uint64(value[24:]))).UTC(), damaged: int(le.Uint64(value[32:]))}, true
}

// scrubEnded stores that a scrub has read everything. If that fails, the file says less than is
// known.
func (l *Ledger) scrubEnded(ended time.Time) {
	if l.verify(nil) != nil {
		return // nothing is written to a ledger that was lost
	}
	l.mu.Lock()
	r := scrubResult{id: l.state.id, ended: ended, damaged: len(l.damaged)}
	l.scrubbed = r
	l.mu.Unlock()
	if slots, err := createSlotFile(l.dir, scrubFileName, r.encode()); err == nil {
		_ = slots.file.Close() // it was synced
	}
}
