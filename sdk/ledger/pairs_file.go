package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"slices"
)

// pairsFile stores the open pairs. It begins with two slots, as a slotFile does. The
// entries that opened the pairs follow; there may be many. A slot refers to them by
// offset, length and checksum. New entries never overwrite those of the current slot,
// and one sync covers both the entries and the new slot. An interrupted write
// therefore leaves the previous slot and its entries intact.
type pairsFile struct {
	slots          *slotFile
	id             ledgerID
	offset, length int64 // of the current slot's entries
	intact         int   // how many of the two slots were valid when the file was opened
}

const (
	pairsFileName  = "pairs"
	pairsVersion   = 1
	pairsValueSize = 8 + 16 + 3*8 + 4
	pairsDataStart = 2 * slotSize
	// pairsReserve is the room for entries that a new file has, so a small set can be
	// stored even if the disk is full.
	pairsReserve = 64 << 10
)

// noOpenPairs replaces the position in the pairs file if no pair is open and no later
// entry opens one.
const noOpenPairs = math.MaxUint64

// createPairsFile creates the file, or replaces it.
func createPairsFile(dir fileSystem, id ledgerID, seq uint64) (*pairsFile, error) {
	f := &pairsFile{id: id, offset: pairsDataStart, intact: 2}
	var err error
	if f.slots, err = createSlotFile(dir, pairsFileName, f.encode(seq, pairsDataStart, nil)); err != nil {
		return nil, err
	}
	if _, err := f.slots.file.WriteAt(make([]byte, pairsReserve), pairsDataStart); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: create %s: %w", pairsFileName, err), f.close())
	}
	return f, nil
}

// openPairsFile opens the file and returns its content. If there is no file, f is nil.
func openPairsFile(dir fileSystem, id ledgerID) (f *pairsFile, seq uint64, open []Entry, err error) {
	file, err := dir.Open(pairsFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noOpenPairs, nil, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	f = &pairsFile{slots: newSlotFile(dir, pairsFileName, file), id: id}
	if seq, open, err = f.read(); err != nil {
		return nil, 0, nil, errors.Join(err, f.close())
	}
	return f, seq, open, nil
}

// read returns the content of the newest slot that is intact.
func (f *pairsFile) read() (seq uint64, open []Entry, err error) {
	copies, err := f.slots.readCopies()
	if err != nil {
		return 0, nil, err
	}
	for _, c := range slices.Backward(copies) { // the newest last, so that its place counts
		copySeq, copyOpen, err := f.decode(c.value)
		if isCorrupt(err) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		f.slots.generation, seq, open = c.generation, copySeq, copyOpen
		f.intact++
	}
	if f.intact == 0 {
		return 0, nil, &CorruptError{File: pairsFileName, Reason: "both slots are damaged"}
	}
	return seq, open, nil
}

// encode returns the value of a slot whose entries are in body, stored at offset.
func (f *pairsFile) encode(seq uint64, offset int64, body []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, pairsValueSize), pairsVersion)
	b = append(b, f.id[:]...)
	b = le.AppendUint64(b, seq)
	b = le.AppendUint64(b, uint64(offset))
	b = le.AppendUint64(b, uint64(len(body)))
	return le.AppendUint32(b, crc32.Checksum(body, castagnoli))
}

// decode decodes the value of a slot and reads its entries.
func (f *pairsFile) decode(value []byte) (seq uint64, open []Entry, err error) {
	le := binary.LittleEndian
	switch {
	case len(value) < 8 || le.Uint64(value) != pairsVersion:
		return 0, nil, errNewerVersion
	case len(value) != pairsValueSize || ledgerID(value[8:24]) != f.id:
		return 0, nil, &CorruptError{File: pairsFileName, Reason: "the file belongs to another ledger"}
	}
	damaged := &CorruptError{File: pairsFileName, Reason: "the entries are damaged"}
	offset, length := int64(le.Uint64(value[32:])), int64(le.Uint64(value[40:]))
	if size, err := f.slots.file.Size(); err != nil {
		return 0, nil, fmt.Errorf("ledger: read %s: %w", pairsFileName, err)
	} else if offset < pairsDataStart || length < 0 || length > size-offset && length > 0 {
		return 0, nil, damaged
	}
	body := make([]byte, length)
	if length > 0 {
		if n, err := f.slots.file.ReadAt(body, offset); int64(n) < length {
			return 0, nil, fmt.Errorf("ledger: read %s: %w", pairsFileName, err)
		}
	}
	if le.Uint32(value[48:]) != crc32.Checksum(body, castagnoli) {
		return 0, nil, damaged
	}
	open, ok := decodeEntries(body)
	if !ok {
		return 0, nil, damaged
	}
	f.offset, f.length = offset, length
	return le.Uint64(value[24:]), open, nil
}

// encodeEntries encodes each entry as sequence number, length and data.
func encodeEntries(open []*Entry) []byte {
	le := binary.LittleEndian
	var body []byte
	for _, e := range open {
		body = le.AppendUint64(body, e.Seq)
		body = le.AppendUint32(body, uint32(len(e.Data)))
		body = append(body, e.Data...)
	}
	return body
}

// decodeEntries reverses encodeEntries. ok is false if the lengths are inconsistent.
func decodeEntries(body []byte) (open []Entry, ok bool) {
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

// write replaces the content and makes it durable. On failure the file holds the
// previous content or the new one.
func (f *pairsFile) write(seq uint64, body []byte) error {
	offset, length := f.freeOffset(int64(len(body))), int64(len(body))
	if length > 0 {
		if _, err := f.slots.file.WriteAt(body, offset); err != nil {
			return fmt.Errorf("ledger: write %s: %w", pairsFileName, err)
		}
	}
	if err := f.slots.write(f.encode(seq, offset, body)); err != nil { // also syncs the entries
		return err
	}
	f.offset, f.length = offset, length
	return nil
}

// freeOffset returns where length bytes can be stored: before the current entries if
// there is room, or after them.
func (f *pairsFile) freeOffset(length int64) int64 {
	if pairsDataStart+length <= f.offset-f.offset%sectorSize { // no sector holds both
		return pairsDataStart
	}
	end := f.offset + f.length
	return (end + sectorSize - 1) / sectorSize * sectorSize
}

func (f *pairsFile) close() error { return f.slots.file.Close() }
