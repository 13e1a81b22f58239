package render

import (
	"bytes"
	"io"
	"time"

	"github.com/opendeed/audit/record"
)

// csvPrinter writes CSV as in RFC 4180, with a header line.
type csvPrinter struct {
	w       io.Writer
	encoder *CSVEncoder
	begun   bool
	line    []byte
}

func (p *csvPrinter) Print(r *record.Record) error {
	if err := p.begin(); err != nil {
		return err
	}
	line, err := p.encoder.Append(p.line[:0], r)
	if err != nil {
		return err
	}
	p.line = line
	_, err = p.w.Write(line)
	return err
}

// Close writes the header if there was no record.
func (p *csvPrinter) Close() error { return p.begin() }

func (p *csvPrinter) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	_, err := p.w.Write(csvHeader(p.encoder.columns))
	return err
}

func csvHeader(columns []column) []byte {
	var b []byte
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, columns[i].name...)
	}
	return append(b, "\r\n"...)
}

// CSVEncoder writes records as lines of CSV. It must not be used concurrently.
//
// Most columns are members of the canonical JSON, which it copies from there: that is a
// fraction of the work of encoding each value again.
type CSVEncoder struct {
	columns []column
	zone    *time.Location
	paths   map[string]int // the place in cells of each member that a column needs
	cells   [][]byte
	json    []byte
}

func newCSVEncoder(columns []column, zone *time.Location) *CSVEncoder {
	e := &CSVEncoder{columns: columns, zone: zone, paths: map[string]int{}, cells: make([][]byte, len(columns))}
	for i := range columns {
		if path := columns[i].member; path != "" {
			e.paths[path] = i
		}
	}
	return e
}

// Append appends the line of a record.
func (e *CSVEncoder) Append(b []byte, r *record.Record) (line []byte, err error) {
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
func (e *CSVEncoder) find(line []byte) {
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

func (e *CSVEncoder) set(path string, value []byte) {
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
