package report

import (
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// CSV writes records as lines of CSV, as in RFC 4180. It must not be used concurrently.
//
// It copies most columns from the canonical JSON of a record, which is a fraction of the work
// of decoding it.
type CSV struct {
	columns []Column
	zone    *time.Location
	places  [][]int  // of the paths of each column, in cells
	wanted  []member // that have the cells
	cells   []string
	decoded *record.Record // the line that was read, if it had to be decoded
}

// NewCSV returns a CSV with the columns. Times are in the zone.
func NewCSV(columns []Column, zone *time.Location) *CSV {
	e := &CSV{columns: columns, zone: zone}
	var paths []string
	for i := range columns {
		in := &columns[i].in
		var places []int
		for _, path := range append([]string{in.member, in.then}, in.needs...) {
			if path == "" {
				continue
			}
			at := slices.Index(paths, path)
			if at < 0 {
				at, paths = len(paths), append(paths, path)
			}
			places = append(places, at)
		}
		e.places = append(e.places, places)
	}
	e.wanted, e.cells = wantedOf(paths), make([]string, len(paths))
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
func (e *CSV) Append(b []byte, l *query.Line) (line []byte, err error) {
	e.read(l)
	for i := range e.columns {
		if i > 0 {
			b = append(b, ',')
		}
		if e.isEmpty(i) {
			continue
		}
		text, err := e.text(l, i)
		if err != nil {
			return b, err
		}
		b = AppendCell(b, text)
	}
	return append(b, "\r\n"...), nil
}

// isEmpty reports whether the JSON has nothing for a column, as is usual for some.
func (e *CSV) isEmpty(i int) bool {
	for _, at := range e.places[i] {
		if e.cells[at] != "" {
			return false
		}
	}
	return true
}

// read reads a line. The texts of its columns are available until the next call.
func (e *CSV) read(l *query.Line) {
	clear(e.cells)
	e.decoded = nil
	findIn(l, e.wanted, e.cells)
}

// text returns the text of a column of the line that was read.
func (e *CSV) text(l *query.Line, i int) (string, error) {
	c := &e.columns[i]
	if c.in.time && e.zone != time.UTC {
		return l.Time.In(e.zone).Format(csvTime), nil
	}
	if !e.mustDecode(i) {
		return e.copied(i), nil
	}
	if e.decoded == nil {
		e.decoded = new(record.Record)
		if err := e.decoded.UnmarshalJSON([]byte(l.JSON)); err != nil {
			return "", err
		}
	}
	return c.text(e.decoded, e.zone), nil
}

// mustDecode reports whether the text of a column is not in the JSON.
func (e *CSV) mustDecode(i int) bool {
	in, places := &e.columns[i].in, e.places[i]
	if in.member != "" {
		cell := e.cells[places[0]]
		return in.anyType && cell != "" && cell[0] != '"'
	}
	return slices.ContainsFunc(places, func(at int) bool { return e.cells[at] != "" })
}

// copied returns the text of a column that is in the JSON.
func (e *CSV) copied(i int) string {
	in, places := &e.columns[i].in, e.places[i]
	if in.member == "" {
		return ""
	}
	text := unquote(e.cells[places[0]])
	if in.then != "" {
		if then := unquote(e.cells[places[1]]); then != "" {
			text += "/" + then
		}
	}
	return text
}

// Texts reads columns of records. It must not be used concurrently.
type Texts struct{ encoder *CSV }

// NewTexts returns a Texts of columns. Times are in the zone.
func NewTexts(columns []Column, zone *time.Location) *Texts { return &Texts{NewCSV(columns, zone)} }

// Of returns the texts of the columns of a record.
func (t *Texts) Of(l *query.Line) ([]string, error) {
	t.encoder.read(l)
	texts := make([]string, len(t.encoder.columns))
	for i := range texts {
		var err error
		if texts[i], err = t.encoder.text(l, i); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// AppendCell appends a cell that no spreadsheet takes for a formula: a text that begins like
// one gets an apostrophe in front, and so does one that begins with an apostrophe, so that
// a program that removes one apostrophe has the text of the record.
func AppendCell(b []byte, text string) []byte {
	quoted := needsQuotes(text)
	if quoted {
		b = append(b, '"')
	}
	if beginsFormula(text) {
		b = append(b, '\'')
	}
	if !quoted {
		return append(b, text...)
	}
	return append(appendDoubled(b, text), '"')
}

// appendDoubled appends a text, and each quote twice.
func appendDoubled(b []byte, text string) []byte {
	n := len(b)
	b = slices.Grow(b, 2*len(text)+1)
	b = b[:n+2*len(text)+1]
	for i := range len(text) {
		c := text[i]
		b[n], b[n+1] = c, c // without a branch, which would often be mispredicted
		n += 1 + isQuote[c]
	}
	return b[:n]
}

var isQuote = [256]int{'"': 1}

// needsQuotes reports whether a text has a quote, a comma, or the end of a line.
func needsQuotes(text string) bool {
	var found uint64
	for ; len(text) >= 8 && found == 0; text = text[8:] {
		w := load8(text)
		found = zeroBytes(w^'"'*ones) | zeroBytes(w^','*ones) | zeroBytes(w^'\r'*ones) | zeroBytes(w^'\n'*ones)
	}
	for i := range len(text) {
		switch text[i] {
		case '"', ',', '\r', '\n':
			return true
		}
	}
	return found != 0
}

// beginsFormula reports whether a spreadsheet could take the text for a formula. Some skip
// white space, and some read full-width signs like others.
func beginsFormula(text string) bool {
	if len(text) == 0 {
		return false
	}
	if c := text[0] | 0x20; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' && text[0] >= '0' || text[0] == '[' || text[0] == '{' {
		return false
	}
	trimmed := strings.TrimLeft(text, " \t\r\n\v\f\u00a0\ufeff\u200b")
	if len(trimmed) < len(text) && (trimmed == "" || text[0] != ' ') {
		return true // a tab or a line feed in front is how others hide one
	}
	for _, sign := range [...]string{"=", "+", "-", "@", "'", "|", "%", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(trimmed, sign) {
			return true
		}
	}
	return false
}
