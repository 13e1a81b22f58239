package delivery

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// A dead letter that is larger than a part is stored as several entries: the parts of its
// record or raw entry, each of which begins with partMark, and then the letter without it.
// So a letter of any size fits into segments of any size.
const (
	partMark    = 0       // no JSON begins with it
	maxPartSize = 1 << 20 // bytes
)

// letterEntry is a dead letter as it is stored.
type letterEntry struct {
	DeadLetter

	Parts int `json:"parts,omitempty"` // how many of the entries before it belong to it
}

// encodeLetter returns the entries of a dead letter, none larger than partSize and a
// letter without its record.
func encodeLetter(letter *DeadLetter, partSize int) (entries [][]byte, err error) {
	whole, err := encodeEntry(&letterEntry{DeadLetter: *letter})
	if err != nil || len(whole) <= partSize {
		return [][]byte{whole}, err
	}
	content := letter.Raw
	if letter.Record != nil {
		if content, err = letter.Record.AppendJSON(nil); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(content, partSize-1) {
		entries = append(entries, append([]byte{partMark}, part...))
	}
	rest := letterEntry{DeadLetter: *letter, Parts: len(entries)}
	rest.Record, rest.Raw = nil, nil
	last, err := encodeEntry(&rest)
	return append(entries, last), err
}

func encodeEntry(e *letterEntry) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // which would make a record up to six times as large
	err := encoder.Encode(e)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// letterDecoder makes dead letters of the entries.
type letterDecoder struct{ parts [][]byte }

// next is decode for what a reader yields. Parts before an error do not belong to a letter
// after it.
func (d *letterDecoder) next(e ledger.Entry, err error) (letter DeadLetter, ok bool, _ error) {
	if err != nil {
		d.parts = nil
		return letter, true, err
	}
	return d.decode(e.Data)
}

// decode returns the dead letter that ends with the entry. It returns false for a part.
func (d *letterDecoder) decode(entry []byte) (letter DeadLetter, ok bool, err error) {
	if len(entry) > 0 && entry[0] == partMark {
		d.parts = append(d.parts, bytes.Clone(entry[1:])) // a reader reuses the entry
		return letter, false, nil
	}
	parts := d.parts
	d.parts = nil
	var e letterEntry
	if err := json.Unmarshal(entry, &e); err != nil {
		return letter, true, err
	}
	letter = e.DeadLetter
	if e.Parts == 0 {
		return letter, true, nil // the process stopped before it stored the letter of the parts
	}
	if e.Parts > len(parts) {
		return letter, true, errPartsMissing
	}
	content := slices.Concat(parts[len(parts)-e.Parts:]...)
	r := new(record.Record)
	if r.UnmarshalJSON(content) == nil {
		letter.Record = r
	} else {
		letter.Raw = content
	}
	return letter, true, nil
}
