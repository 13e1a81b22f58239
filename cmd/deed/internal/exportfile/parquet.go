package exportfile

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/parquet-go/parquet-go"
)

// Parquet is the format of exports for analysis programs. It is not a format of package render,
// because it cannot be written line by line.
const Parquet render.Format = "parquet"

// rowsOfGroup is how many records a row group has at most. A group is in memory until it is
// written.
const rowsOfGroup = 10_000

// unique are the columns in which most values differ, for which a dictionary wastes space.
var unique = []string{"id", "attempt", "trace_id", "changes", "metadata"}

// parquetEncoder writes Apache Parquet: the columns of CSV, without the apostrophes, and last
// the canonical JSON of the record. The column time is a timestamp in microseconds, which more
// programs read than nanoseconds; the JSON has all digits. The other columns are texts, and
// null if they are empty.
type parquetEncoder struct {
	writer  *parquet.Writer
	columns []report.Column
	texts   *report.Texts
	row     parquet.Row
	file    *File
}

func newParquet(f *File, names []string) (*parquetEncoder, error) {
	columns, err := report.Columns(names...)
	if err != nil {
		return nil, fmt.Errorf("--columns: %w", err)
	}
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(other report.Column) bool { return other.Name == c.Name }) {
			return nil, fmt.Errorf("--columns: %q is named twice, which Parquet does not allow", c.Name)
		}
	}
	return &parquetEncoder{
		writer: parquet.NewWriter(writerFunc(f.write), schemaOf(columns), parquet.MaxRowsPerRowGroup(rowsOfGroup),
			parquet.Compression(&parquet.Zstd), parquet.CreatedBy("deed", "", "")),
		columns: columns, texts: report.NewTexts(columns, time.UTC), file: f,
	}, nil
}

// columnTime is the column that is no text, and columnJSON the one that has all of a record.
const (
	columnTime = "time"
	columnJSON = "record"
)

// schemaOf returns the schema of a file with the columns. A struct keeps their order.
func schemaOf(columns []report.Column) *parquet.Schema {
	fields := make([]reflect.StructField, 0, len(columns)+1)
	add := func(t reflect.Type, tag string) {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("C%d", len(fields)), Type: t, Tag: reflect.StructTag(`parquet:"` + tag + `"`),
		})
	}
	text := reflect.TypeFor[string]()
	for _, c := range columns {
		if c.Name == columnTime {
			add(reflect.TypeFor[int64](), c.Name+",timestamp(microsecond)")
			continue
		}
		tag := c.Name + ",optional"
		if !slices.Contains(unique, c.Name) {
			tag += ",dict"
		}
		add(text, tag)
	}
	add(text, columnJSON+",json")
	return parquet.NewSchema("record", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (e *parquetEncoder) add(l query.Line) error {
	texts, err := e.texts.Of(&l)
	if err != nil {
		return err
	}
	e.row = e.row[:0]
	for i, text := range texts {
		var v parquet.Value
		defined := 0
		switch {
		case e.columns[i].Name == columnTime:
			v = parquet.Int64Value(l.Time.UnixMicro())
		case text != "":
			v, defined = parquet.ByteArrayValue([]byte(text)), 1
		default:
			v = parquet.NullValue()
		}
		e.row = append(e.row, v.Level(0, defined, i))
	}
	e.row = append(e.row, parquet.ByteArrayValue([]byte(l.JSON)).Level(0, 0, len(texts)))
	if _, err := e.writer.WriteRows([]parquet.Row{e.row}); err != nil {
		return err
	}
	e.file.wrote(1, &l)
	return nil
}

func (e *parquetEncoder) flush() error { return e.writer.Flush() }

// resumable returns false: the end of a file says where its row groups are.
func (e *parquetEncoder) resumable() bool { return false }

func (e *parquetEncoder) close() error { return e.writer.Close() }

// writerFunc is an io.Writer.
type writerFunc func(p []byte) error

func (f writerFunc) Write(p []byte) (int, error) { return len(p), f(p) }
