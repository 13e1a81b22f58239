package archive

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/opendeed/audit/record"
)

// Entry is an entry of a log, with its place.
type Entry struct {
	// Seq is the sequence number of the entry in its log, or zero if the log has none.
	Seq uint64
	// Data is the entry: the JSON of a record, as the log has it.
	Data []byte
	// Repeats is the sequence number of an earlier entry of the archive with the same
	// record ID, or zero. It is a hint; Record.IsRetryOf decides.
	Repeats uint64
}

// Record decodes the record of the entry. The error is a *record.FormatError.
func (e Entry) Record() (*record.Record, error) {
	r := new(record.Record)
	if err := r.UnmarshalJSON(e.Data); err != nil {
		return nil, err
	}
	return r, nil
}

// The texts around the members of a line.
const (
	lineRecord  = `{"record":`
	lineEntry   = `{"entry":"`
	lineRepeats = `,"repeats":`
	lineSeq     = `,"seq":`
)

// appendLine appends the line of an entry. If canonical is set, its data is the canonical
// JSON of a record.
func appendLine(b []byte, e Entry, canonical bool) []byte {
	if canonical {
		b = append(b, lineRecord...)
		b = append(b, e.Data...)
	} else {
		b = append(b, lineEntry...)
		b = base64.StdEncoding.AppendEncode(b, e.Data)
		b = append(b, '"')
	}
	if e.Repeats != 0 {
		b = strconv.AppendUint(append(b, lineRepeats...), e.Repeats, 10)
	}
	if e.Seq != 0 {
		b = strconv.AppendUint(append(b, lineSeq...), e.Seq, 10)
	}
	return append(b, '}', '\n')
}

// parseLine parses a line without its line feed. Data may refer to it. canonical reports
// whether the line says that it holds the canonical JSON of a record.
func parseLine(line []byte) (e Entry, canonical, ok bool) {
	rest, ok := bytes.CutSuffix(line, []byte("}"))
	if !ok {
		return Entry{}, false, false
	}
	var valid bool
	if rest, e.Seq, valid = cutNumber(rest, lineSeq); !valid {
		return Entry{}, false, false
	}
	if rest, e.Repeats, valid = cutNumber(rest, lineRepeats); !valid || e.Repeats >= max(e.Seq, 1) {
		return Entry{}, false, false
	}
	if e.Data, canonical = bytes.CutPrefix(rest, []byte(lineRecord)); canonical {
		return e, true, len(e.Data) > 0 && len(e.Data) <= maxEntry
	}
	text, ok := bytes.CutPrefix(rest, []byte(lineEntry))
	if !ok || !bytes.HasSuffix(text, []byte(`"`)) {
		return Entry{}, false, false
	}
	data, err := base64.StdEncoding.Strict().AppendDecode(nil, text[:len(text)-1])
	if err != nil || len(data) > maxEntry || bytes.ContainsAny(text, "\r\n") {
		return Entry{}, false, false
	}
	e.Data = data
	return e, false, true
}

// cutNumber cuts a member with a number from the end of a line. The number is zero if there
// is no such member; ok is false if it is not written as appendLine writes it.
func cutNumber(line []byte, member string) (rest []byte, n uint64, ok bool) {
	digits := len(line)
	for digits > 0 && line[digits-1] >= '0' && line[digits-1] <= '9' {
		digits--
	}
	rest, found := bytes.CutSuffix(line[:digits], []byte(member))
	if !found {
		return line, 0, true
	}
	text := line[digits:]
	n, err := strconv.ParseUint(string(text), 10, 64)
	return rest, n, err == nil && text[0] != '0'
}

// isCanonical reports whether data is the canonical JSON of a record, r.
func isCanonical(r *record.Record, data, buffer []byte) bool {
	encoded, err := r.AppendJSON(buffer[:0])
	return err == nil && bytes.Equal(encoded, data)
}
