package report

import (
	"bytes"
	"time"

	"github.com/opendeed/audit/record"
)

// CSV writes records as lines of CSV, as in RFC 4180. It must not be used concurrently.
//
// Most columns are members of the canonical JSON, which it copies from there: that is a
// fraction of the work of encoding each value again.
type CSV struct {
	columns []Column
	zone    *time.Location
	paths   map[string]int // the place in cells of each member that a column needs
	cells   [][]byte
	json    []byte
}

// NewCSV returns a CSV with the columns. Times are in the zone.
func NewCSV(columns []Column, zone *time.Location) *CSV {
	e := &CSV{columns: columns, zone: zone, paths: map[string]int{}, cells: make([][]byte, len(columns))}
	for i := range columns {
		if path := columns[i].member; path != "" {
			e.paths[path] = i
		}
	}
	return e
}

// Header returns the first line, with the names of the columns.
func (e *CSV) Header() []byte {
	var b []byte
	for i := range e.columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e.columns[i].Name...)
	}
	return append(b, "\r\n"...)
}

// Append appends the line of a record.
func (e *CSV) Append(b []byte, r *record.Record) (line []byte, err error) {
	if e.json, err = r.AppendJSON(e.json[:0]); err != nil {
		return b, err
	}
	e.find(e.json)
	for i := range e.columns {
		if i > 0 {
			b = append(b, ',')
		}
		if e.columns[i].member != "" {
			b = appendCell(b, e.cells[i])
		} else {
			b = AppendCell(b, e.columns[i].text(r, e.zone))
		}
	}
	return append(b, "\r\n"...), nil
}

// find sets the cells of the columns that are members.
func (e *CSV) find(line []byte) {
	clear(e.cells)
	eachMember(line, func(name, value []byte) {
		switch string(name) {
		case "actor", "target", "resource":
			prefix := string(name) + "."
			eachMember(value, func(inner, value []byte) { e.set(prefix+string(inner), value) })
		default:
			e.set(string(name), value)
		}
	})
}

func (e *CSV) set(path string, value []byte) {
	if i, ok := e.paths[path]; ok {
		e.cells[i] = unquote(value)
	}
}

// AppendCell appends a cell that no spreadsheet takes for a formula: a text that begins like
// one gets an apostrophe in front, and so does one that begins with an apostrophe, so that
// a program that removes one apostrophe has the text of the record.
func AppendCell(b []byte, text string) []byte { return appendCell(b, []byte(text)) }

func appendCell(b, text []byte) []byte {
	quoted := bytes.ContainsAny(text, "\",\r\n")
	if quoted {
		b = append(b, '"')
	}
	if beginsFormula(text) {
		b = append(b, '\'')
	}
	if !quoted {
		return append(b, text...)
	}
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			return append(append(b, text...), '"')
		}
		b = append(append(b, text[:i+1]...), '"')
		text = text[i+1:]
	}
}

// beginsFormula reports whether a spreadsheet could take the text for a formula. Some skip
// white space, and some read full-width signs like others.
func beginsFormula(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if c := text[0] | 0x20; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' && text[0] >= '0' || text[0] == '[' || text[0] == '{' {
		return false
	}
	trimmed := bytes.TrimLeft(text, " \t\r\n\v\f\u00a0\ufeff\u200b")
	if len(trimmed) < len(text) && (len(trimmed) == 0 || text[0] != ' ') {
		return true // a tab or a line feed in front is how others hide one
	}
	for _, sign := range [...]string{"=", "+", "-", "@", "'", "|", "%", "＝", "＋", "－", "＠"} {
		if bytes.HasPrefix(trimmed, []byte(sign)) {
			return true
		}
	}
	return false
}
