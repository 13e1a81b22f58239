package stdout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// Exporter is the export.Exporter that writes records to an io.Writer. Like every
// exporter it is called by one goroutine at a time.
type Exporter struct {
	name   string
	writer io.Writer
	flush  func() error
	encode func(line []byte, r *record.Record) ([]byte, error)
	direct bool

	// lines is what the writer gets next: what is missing of a torn line, if
	// anything, then the line of each record. ends holds where each of these ends.
	lines []byte
	ends  []int

	torn    []byte // what is missing of the line of which the writer took a part
	owed    owed
	unknown bool // how much the writer took last
}

var _ export.DirectExporter = (*Exporter)(nil)

// New returns an exporter that writes JSON lines to os.Stdout unless the options say
// otherwise.
func New(opts ...Option) (*Exporter, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("stdout: %w", err)
	}
	e := &Exporter{
		name:   c.name,
		writer: c.writer,
		flush:  flushOf(c.writer),
		encode: appendJSON,
		direct: c.direct || inMemory(c.writer),
	}
	if c.text {
		e.encode = text{color: c.wantsColor()}.append
	}
	return e, nil
}

// Name returns DefaultName or what WithName set.
func (e *Exporter) Name() string { return e.name }

// Direct reports whether the writer cannot hang; see WithDirect.
func (e *Exporter) Direct() bool { return e.direct }

// Export writes the records' lines in one Write, and flushes the writer if it can
// be flushed. The package's comment says what becomes of the records when that
// fails. A record without a JSON form is refused for good, and no other with it.
// When ctx has ended, nothing is written.
func (e *Exporter) Export(ctx context.Context, records []*record.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	refused := e.encodeAll(records)
	n, err := e.write()
	flushErr := e.flush()
	if err != nil || flushErr != nil {
		return e.sortOut(records, refused, n, err, flushErr)
	}
	e.torn = e.torn[:0]
	return rejection(len(records), refused)
}

// Shutdown finishes a torn line and flushes the writer. It does not close it.
func (e *Exporter) Shutdown(context.Context) error {
	e.encodeAll(nil)
	_, err := e.write()
	return errors.Join(err, e.flush())
}

// encodeAll fills lines and ends, and returns why records are refused, by index. A
// record that is owed, or refused, has an empty line.
func (e *Exporter) encodeAll(records []*record.Record) (refused map[int]error) {
	if cap(e.lines) > maxKept {
		e.lines = nil
	}
	if e.unknown {
		e.torn, e.owed = []byte{'\n'}, owed{} // ends a torn line, if there is one
	}
	e.lines = append(e.lines[:0], e.torn...)
	e.ends = append(e.ends[:0], len(e.lines))
	for i, r := range records {
		if !e.owed.has(r) {
			line, err := e.encode(e.lines, r)
			if err == nil {
				e.lines = line
			} else {
				if refused == nil {
					refused = map[int]error{}
				}
				refused[i] = export.Permanent(fmt.Errorf("the record has no JSON form: %w", err))
			}
		}
		e.ends = append(e.ends, len(e.lines))
	}
	return refused
}

// maxKept is how many bytes the exporter holds on to after a large batch.
const maxKept = 4 << 20

var errCount = errors.New("the writer reported an impossible count")

// write hands the lines over and returns how many bytes the writer took.
func (e *Exporter) write() (int, error) {
	if len(e.lines) == 0 {
		return 0, nil
	}
	e.unknown = true // until Write has returned, which it may not
	n, err := e.writer.Write(e.lines)
	if n < 0 || n > len(e.lines) {
		return 0, errors.Join(errCount, err)
	}
	e.unknown = false
	if n < len(e.lines) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

func appendJSON(line []byte, r *record.Record) ([]byte, error) {
	line, err := r.AppendJSON(line)
	return append(line, '\n'), err
}

// flushOf returns the writer's Flush, if it has one.
func flushOf(w io.Writer) func() error {
	if f, ok := w.(interface{ Flush() error }); ok {
		return f.Flush
	}
	return func() error { return nil }
}

// inMemory reports whether w is known to touch nothing but memory.
func inMemory(w io.Writer) bool {
	_, is := w.(*bytes.Buffer)
	return is || w == io.Discard
}
