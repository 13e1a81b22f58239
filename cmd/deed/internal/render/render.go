// Package render writes records for people, spreadsheets and programs.
package render

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
)

// Format is a form of output.
type Format string

// The formats.
const (
	Table Format = "table" // a line for each record, as wide as the terminal
	Text  Format = "text"  // everything that a record has, over several lines
	JSON  Format = "json"  // the canonical JSON of a record in each line
	CSV   Format = "csv"   // for spreadsheets
)

// Formats are all formats.
var Formats = []Format{Table, Text, JSON, CSV}

// Options say how records are shown.
type Options struct {
	Format   Format
	Terminal bool // whether the writer is a terminal
	Width    int  // of the terminal, or 0 for no limit
	Colors   bool
	Zone     *time.Location
	// Columns are the names of the columns of a table or of CSV; nil means the usual ones.
	Columns []string
	// Follow writes each record at once, instead of collecting lines to align them.
	Follow bool
}

// Printer writes records. Close must be called, also after an error.
type Printer interface {
	Print(r *record.Record) error
	Close() error
}

// New returns a Printer to w. It buffers nothing that Close would not write.
func New(w io.Writer, o Options) (Printer, error) {
	columns, err := columnsOf(o)
	if err != nil {
		return nil, err
	}
	switch o.Format {
	case Table:
		return newTable(w, o, columns), nil
	case JSON:
		return &jsonPrinter{w: safeFor(w, o)}, nil
	case CSV:
		return &csvPrinter{w: safeFor(w, o), lines: report.NewCSV(columns, o.Zone)}, nil
	case Text:
		exporter, err := stdout.New(stdout.WithWriter(w), stdout.WithText(), stdout.WithColor(o.Colors))
		return textPrinter{exporter}, err
	}
	return nil, fmt.Errorf("%q is not a format; use %s", o.Format, list(Formats))
}

func safeFor(w io.Writer, o Options) io.Writer {
	if o.Terminal {
		return term.CleanWriter(w)
	}
	return w
}

func list[T ~string](words []T) string {
	var b strings.Builder
	for i, word := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(word))
	}
	return b.String()
}

type jsonPrinter struct {
	w    io.Writer
	line []byte
}

func (p *jsonPrinter) Print(r *record.Record) error {
	line, err := r.AppendJSON(p.line[:0])
	if err != nil {
		return err
	}
	line = append(line, '\n')
	p.line = line
	_, err = p.w.Write(line)
	return err
}

func (*jsonPrinter) Close() error { return nil }

// textPrinter is the text format of package stdout, which escapes what is not printable.
type textPrinter struct{ exporter *stdout.Exporter }

func (p textPrinter) Print(r *record.Record) error {
	return p.exporter.Export(context.Background(), []*record.Record{erasure.Shown(r)})
}

func (textPrinter) Close() error { return nil }

// columnsOf returns the columns that are named, or nil.
func columnsOf(o Options) ([]report.Column, error) {
	if o.Columns == nil {
		if o.Format == CSV {
			return report.Columns()
		}
		return nil, nil
	}
	if o.Format != Table && o.Format != CSV {
		return nil, fmt.Errorf("--columns: the format %s has no columns; use table or csv", o.Format)
	}
	columns, err := report.Columns(o.Columns...)
	if err != nil {
		return nil, fmt.Errorf("--columns: %w", err)
	}
	return columns, nil
}
