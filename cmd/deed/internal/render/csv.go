package render

import (
	"io"
	"strings"
	"time"

	"github.com/opendeed/audit/record"
)

// csvPrinter writes CSV as in RFC 4180, with a header line.
type csvPrinter struct {
	w       io.Writer
	columns []column
	zone    *time.Location
	begun   bool
	line    []byte
}

func (p *csvPrinter) Print(r *record.Record) error {
	if err := p.begin(); err != nil {
		return err
	}
	p.line = AppendCSV(p.line[:0], r, p.columns, p.zone)
	_, err := p.w.Write(p.line)
	return err
}

// Close writes the header if there was no record.
func (p *csvPrinter) Close() error { return p.begin() }

func (p *csvPrinter) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	_, err := p.w.Write(csvHeader(p.columns))
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

// AppendCSV appends the line of a record.
func AppendCSV(b []byte, r *record.Record, columns []column, zone *time.Location) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendCell(b, columns[i].text(r, zone))
	}
	return append(b, "\r\n"...)
}

// AppendCell appends a cell that no spreadsheet takes for a formula: a text that begins like
// one gets an apostrophe in front, and so does one that begins with an apostrophe, so that
// a program that removes one apostrophe has the text of the record.
func AppendCell(b []byte, text string) []byte {
	quoted := strings.ContainsAny(text, "\",\r\n")
	if quoted {
		b = append(b, '"')
	}
	if beginsFormula(text) {
		b = append(b, '\'')
	}
	if !quoted {
		return append(b, text...)
	}
	for i := range len(text) {
		if text[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}

// beginsFormula reports whether a spreadsheet could take the text for a formula. Some skip
// white space, and some read full-width signs like others.
func beginsFormula(text string) bool {
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
