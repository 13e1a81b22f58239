package stdout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// Exporter is an export.Exporter that writes records to an io.Writer. Like every
// exporter, it must not be called concurrently.
type Exporter struct {
	name   string
	writer io.Writer
	flush  func() error
	encode func(line []byte, r *record.Record) ([]byte, error)
	places bool
	direct bool
	file   file

	// lines is the next write: the rest of a torn line, if any, then the line of each
	// record. ends has the end offset of each of them.
	lines []byte
	ends  []int

	torn        []byte // the rest of a line that was written in part
	unconfirmed unconfirmed
	unknown     bool // whether it is unknown how much the last write wrote

	checkpoints checkpoints
}

var (
	_ export.DirectExporter     = (*Exporter)(nil)
	_ export.CheckpointExporter = (*Exporter)(nil)
)

// New returns an Exporter. By default it writes JSON lines to os.Stdout.
func New(opts ...Option) (*Exporter, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("stdout: %w", err)
	}
	var watched file
	if c.path != "" {
		if watched, err = openFile(c.path); err != nil {
			return nil, fmt.Errorf("stdout: WithFile: %w", err)
		}
		c.writer = watched.f
	} else if f, ok := c.writer.(*os.File); ok {
		watched = watch(f)
	}
	e := &Exporter{
		name:        c.name,
		file:        watched,
		writer:      c.writer,
		flush:       flushFunc(c.writer),
		encode:      appendJSON,
		direct:      c.direct || inMemory(c.writer),
		places:      c.places && !c.text,
		checkpoints: checkpoints{on: c.checks && !c.text},
	}
	if c.text {
		e.encode = text{color: c.wantsColor()}.append
	}
	return e, nil
}

// Name returns the name set by WithName, or DefaultName.
func (e *Exporter) Name() string { return e.name }

// Direct reports whether the writer never blocks; see WithDirect.
func (e *Exporter) Direct() bool { return e.direct }

// Export writes the lines of all records in one Write and flushes the writer if it has a
// Flush method. The package comment describes what happens if that fails. A file that was
// renamed or removed is opened again (WithFile), or the error is a *FileMovedError. A record
// that cannot be encoded is rejected permanently, without the others. If ctx has ended,
// Export writes nothing and returns its error.
func (e *Exporter) Export(ctx context.Context, records []*record.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for again := e.file.own; ; again = false {
		if err := e.follow(); err != nil {
			return err
		}
		rejected := e.encodeAll(ctx, records)
		n, err := e.write()
		flushErr := e.flush()
		if err != nil || flushErr != nil {
			return e.handleFailure(records, rejected, n, err, flushErr)
		}
		if err := e.lost(); err != nil {
			if again {
				continue
			}
			return err
		}
		e.torn = e.torn[:0]
		return batchError(len(records), rejected)
	}
}

// Shutdown finishes a torn line and flushes the writer. It closes the file of WithFile and
// no other writer.
func (e *Exporter) Shutdown(ctx context.Context) error {
	followErr := e.follow()
	e.encodeAll(ctx, nil)
	_, err := e.write()
	err = errors.Join(followErr, err, e.flush())
	if e.file.own {
		err = errors.Join(err, e.file.f.Close())
	}
	return err
}

// encodeAll fills lines and ends. It returns the records that cannot be encoded, by
// index. They have an empty line, as do unconfirmed records.
func (e *Exporter) encodeAll(ctx context.Context, records []*record.Record) (rejected map[int]error) {
	if cap(e.lines) > maxBuffer {
		e.lines = nil
	}
	if e.unknown {
		e.torn, e.unconfirmed = []byte{'\n'}, unconfirmed{} // end a torn line, if any
	}
	e.torn = e.checkpoints.take(e.torn)
	e.lines = append(e.lines[:0], e.torn...)
	e.ends = append(e.ends[:0], len(e.lines))
	for i, r := range records {
		if !e.unconfirmed.has(r) {
			line, err := e.encode(e.lines, r)
			if err == nil {
				e.lines = e.addPlace(ctx, line, r)
			} else {
				if rejected == nil {
					rejected = map[int]error{}
				}
				rejected[i] = export.Permanent(fmt.Errorf("the record cannot be encoded: %w", err))
			}
		}
		e.ends = append(e.ends, len(e.lines))
	}
	return rejected
}

// maxBuffer is the largest buffer, in bytes, that the exporter keeps for the next batch.
const maxBuffer = 4 << 20

var errCount = errors.New("Write returned an impossible number of bytes")

// write writes lines and returns the number of bytes written.
func (e *Exporter) write() (int, error) {
	if len(e.lines) == 0 {
		return 0, nil
	}
	e.unknown = true // in case Write panics
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

// addPlace adds the place of a record at the end of its line.
func (e *Exporter) addPlace(ctx context.Context, line []byte, r *record.Record) []byte {
	if !e.places {
		return line
	}
	place, ok := export.PlaceOf(ctx, r)
	if !ok {
		return line
	}
	line = append(bytes.TrimSuffix(line, []byte("}\n")), `,"place":{"log":"`...)
	line = append(append(line, place.Log...), `","seq":`...) // hexadecimal digits
	return append(strconv.AppendUint(line, place.Seq, 10), "}}\n"...)
}

func appendJSON(line []byte, r *record.Record) ([]byte, error) {
	line, err := r.AppendJSON(line)
	return append(line, '\n'), err
}

// flushFunc returns the Flush method of the writer, or a function that does nothing.
func flushFunc(w io.Writer) func() error {
	if f, ok := w.(interface{ Flush() error }); ok {
		return f.Flush
	}
	return func() error { return nil }
}

// inMemory reports whether w is known to write to memory only.
func inMemory(w io.Writer) bool {
	_, ok := w.(*bytes.Buffer)
	return ok || w == io.Discard
}
