package exportfile

import (
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
)

// encoder writes the records of a File in its format.
type encoder interface {
	// add adds a record, which may be written later. An error may be that of an earlier one.
	add(l query.Line) error
	// flush writes all records that were added.
	flush() error
	// resumable reports whether the file can be continued after flush.
	resumable() bool
	// close writes what is left, and what comes after all records.
	close() error
}

// newEncoder returns the encoder of a plan. begun reports whether f is continued.
func newEncoder(f *File, plan report.Plan, zone *time.Location, begun bool) (encoder, error) {
	if plan.Format == string(Parquet) {
		return newParquet(f, plan.Columns)
	}
	header, newAppend, err := render.Lines(render.Options{Format: render.Format(plan.Format), Columns: plan.Columns, Zone: zone})
	if err == nil && !begun {
		err = f.write(header)
	}
	return &lineEncoder{encoders{newAppend: newAppend}, f}, err
}

// lineEncoder writes lines.
type lineEncoder struct {
	encoders encoders
	file     *File
}

func (e *lineEncoder) add(l query.Line) error {
	if e.encoders.add(l) {
		return e.writeOldest()
	}
	return nil
}

func (e *lineEncoder) writeOldest() error {
	done := e.encoders.take()
	if done.err != nil {
		return done.err
	}
	if err := e.file.write(done.lines); err != nil {
		return err
	}
	e.file.wrote(done.n, &done.last)
	e.encoders.release(done)
	return nil
}

func (e *lineEncoder) flush() error {
	e.encoders.start()
	for len(e.encoders.queue) > 0 {
		if err := e.writeOldest(); err != nil {
			return err
		}
	}
	return nil
}

func (e *lineEncoder) resumable() bool { return true }

func (e *lineEncoder) close() error { return e.flush() }
