package render

import (
	"io"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
)

// csvPrinter writes CSV, with a header line.
type csvPrinter struct {
	w     io.Writer
	lines *report.CSV
	begun bool
	line  []byte
}

func (p *csvPrinter) Print(r *record.Record) error {
	if err := p.begin(); err != nil {
		return err
	}
	l, err := query.LineOf(r)
	if err != nil {
		return err
	}
	line, err := p.lines.Append(p.line[:0], &l)
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
	_, err := p.w.Write(p.lines.Header())
	return err
}
