package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
)

// pairsFile is the file of Pairs: two slots, as in the state and in cursors, and
// behind them the entries that wait, which may be many. A slot says where those are
// and has their checksum. The next ones are written beside them, never over them, so
// that one sync makes both durable: a write that was cut off leaves the slot before
// it with what belongs to that.
type pairsFile struct {
	slots      *slots
	id         ledgerID
	at, length int64 // of the entries that the newest slot has
}

const (
	pairsName      = "pairs"
	pairsVersion   = 1
	pairsValueSize = 8 + 16 + 3*8 + 4
	pairsBase      = 2 * slotSize
	// pairsRoom is what the file has for entries from the beginning, so that a full
	// disk does not keep a small set from being written.
	pairsRoom = 64 << 10
)

// nothingFollows stands for a place: no entry that opens a pair is behind it.
const nothingFollows = math.MaxUint64

// createPairsFile makes the file, or replaces it.
func createPairsFile(dir fileSystem, id ledgerID, place uint64) (*pairsFile, error) {
	f := &pairsFile{id: id, at: pairsBase}
	var err error
	if f.slots, err = createSlots(dir, pairsName, f.encode(place, pairsBase, nil)); err != nil {
		return nil, err
	}
	if _, err := f.slots.file.WriteAt(make([]byte, pairsRoom), pairsBase); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: making %s: %w", pairsName, err), f.close())
	}
	return f, nil
}

// openPairsFile opens the file, and returns what it says. Without a file it returns
// nil.
func openPairsFile(dir fileSystem, id ledgerID) (f *pairsFile, place uint64, open []Entry, err error) {
	file, err := dir.Open(pairsName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nothingFollows, nil, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	f = &pairsFile{slots: &slots{name: pairsName, file: file}, id: id}
	if place, open, err = f.read(); err != nil {
		return nil, 0, nil, errors.Join(err, f.close())
	}
	return f, place, open, nil
}

func (f *pairsFile) read() (place uint64, open []Entry, err error) {
	copies, err := f.slots.copies()
	if err != nil {
		return 0, nil, err
	}
	for _, c := range copies {
		place, open, err = f.decode(c.value)
		if _, torn := errors.AsType[*CorruptError](err); torn {
			continue
		}
		f.slots.generation = c.generation
		return place, open, err
	}
	return 0, nil, &CorruptError{Segment: pairsName, Reason: "neither of its two copies is as it was written"}
}

func (f *pairsFile) encode(place uint64, at int64, body []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, pairsValueSize), pairsVersion)
	b = append(b, f.id[:]...)
	b = le.AppendUint64(b, place)
	b = le.AppendUint64(b, uint64(at))
	b = le.AppendUint64(b, uint64(len(body)))
	return le.AppendUint32(b, crc32.Checksum(body, castagnoli))
}

// decode reads the entries that belong to a slot.
func (f *pairsFile) decode(value []byte) (place uint64, open []Entry, err error) {
	le := binary.LittleEndian
	switch {
	case len(value) < 8 || le.Uint64(value) != pairsVersion:
		return 0, nil, errNewer
	case len(value) != pairsValueSize || ledgerID(value[8:24]) != f.id:
		return 0, nil, &CorruptError{Segment: pairsName, Reason: "it is that of another ledger"}
	}
	torn := &CorruptError{Segment: pairsName, Reason: "its entries are not as they were written"}
	at, length := int64(le.Uint64(value[32:])), int64(le.Uint64(value[40:]))
	if size, err := f.slots.file.Size(); err != nil {
		return 0, nil, fmt.Errorf("ledger: reading %s: %w", pairsName, err)
	} else if at < pairsBase || length < 0 || length > size-at && length > 0 {
		return 0, nil, torn
	}
	body := make([]byte, length)
	if length > 0 {
		if n, err := f.slots.file.ReadAt(body, at); int64(n) < length {
			return 0, nil, fmt.Errorf("ledger: reading %s: %w", pairsName, err)
		}
	}
	if le.Uint32(value[48:]) != crc32.Checksum(body, castagnoli) {
		return 0, nil, torn
	}
	open, ok := decodeOpen(body)
	if !ok {
		return 0, nil, torn
	}
	f.at, f.length = at, length
	return le.Uint64(value[24:]), open, nil
}

// encodeOpen writes the entries that wait: number, length, content.
func encodeOpen(open []*Entry) []byte {
	le := binary.LittleEndian
	var body []byte
	for _, e := range open {
		body = le.AppendUint64(body, e.Seq)
		body = le.AppendUint32(body, uint32(len(e.Data)))
		body = append(body, e.Data...)
	}
	return body
}

func decodeOpen(body []byte) (open []Entry, ok bool) {
	const header = 8 + entryOverhead
	for len(body) > 0 {
		if len(body) < header || int64(binary.LittleEndian.Uint32(body[8:])) > int64(len(body)-header) {
			return nil, false
		}
		e := Entry{Seq: binary.LittleEndian.Uint64(body)}
		e.Data, body = nextEntry(body[8:])
		open = append(open, e)
	}
	return open, true
}

// write replaces what the file says, and makes it durable. After an error it says what
// it said or the new one.
func (f *pairsFile) write(place uint64, body []byte) error {
	at, length := f.beside(int64(len(body))), int64(len(body))
	if length > 0 {
		if _, err := f.slots.file.WriteAt(body, at); err != nil {
			return fmt.Errorf("ledger: writing %s: %w", pairsName, err)
		}
	}
	if err := f.slots.write(f.encode(place, at, body)); err != nil { // syncs both
		return err
	}
	f.at, f.length = at, length
	return nil
}

// beside returns where there is room for that many bytes: ahead of what counts now, if
// it fits, or behind it.
func (f *pairsFile) beside(length int64) int64 {
	if pairsBase+length <= f.at-f.at%sectorSize { // no sector with both
		return pairsBase
	}
	end := f.at + f.length
	return (end + sectorSize - 1) / sectorSize * sectorSize
}

func (f *pairsFile) close() error { return f.slots.file.Close() }
