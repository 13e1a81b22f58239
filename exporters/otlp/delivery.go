package otlp

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// delivery brings some of the records of a batch to the server, one request after the
// other.
type delivery struct {
	exporter *Exporter
	encoder  *encoder
	records  []*record.Record
	errs     []error // by record; nil for those that are delivered
}

func (d *delivery) run(ctx context.Context) { d.send(ctx, 0, len(d.records)) }

// send sends the records from one index to another. It reports false if the server
// does not answer, or is not in a state to: then nothing more is sent.
func (d *delivery) send(ctx context.Context, from, to int) bool {
	for from < to {
		request, next := d.fill(from, to)
		if len(request) > 0 && !d.ask(ctx, request, from, next) {
			d.fail(next, to, errNotSent)
			return false
		}
		from = next
	}
	return true
}

// fill makes a request of as many of the records as it may have, and returns the index
// of the first that is left. Records that cannot be sent get their error.
func (d *delivery) fill(from, to int) (request []byte, next int) {
	d.encoder.begin()
	for next = from; next < to; next++ {
		switch size, err := d.encoder.encode(d.records[next]); {
		case err != nil:
			d.errs[next] = export.Permanent(err)
		case d.encoder.size() == 0 && size > d.exporter.maxRequest:
			d.errs[next] = export.Permanent(&audit.ValidationError{
				Field: "record", Reason: "it is larger than a request may be (otlp.WithMaxRequestSize)",
			})
		case size > d.exporter.maxRequest:
			return d.encoder.end(), next
		default:
			d.encoder.add()
		}
	}
	return d.encoder.end(), next
}

// ask sends the request, which has the records from one index to another but for those
// that have an error already.
func (d *delivery) ask(ctx context.Context, request []byte, from, to int) bool {
	said, err := d.exporter.sender.send(ctx, request)
	n := d.count(from, to)
	switch refused, is := errors.AsType[*ServerError](err); {
	case err == nil && said.rejected == 0:
		d.exporter.warnings.report(ctx, said.message)
		return true
	case err == nil:
		err = &ServerError{Refused: true, Reason: "the server rejected the record", Message: said.message}
		if said.rejected >= int64(n) || n == 1 {
			d.fail(from, to, export.Permanent(err))
			return true
		}
	case is && refused.Refused:
		if n == 1 {
			d.fail(from, to, export.Permanent(err))
			return true
		}
	case is && refused.tooMuch && len(request) > smallRequest:
		if n == 1 {
			d.fail(from, to, export.Permanent(err))
			return true
		}
	default:
		d.fail(from, to, err)
		return false
	}
	return d.halve(ctx, from, to)
}

// smallRequest is a size, in bytes, that no server is set up to refuse: what is too
// much for it below that is too much at this time.
const smallRequest = 64 << 10

// halve sends the records anew in two requests, to find out which of them are refused.
// No conclusion is drawn from one half about the other: a record is delivered when it
// was in a request that the server took whole.
func (d *delivery) halve(ctx context.Context, from, to int) bool {
	middle := from + (to-from)/2
	if !d.send(ctx, from, middle) {
		d.fail(middle, to, errNotSent)
		return false
	}
	return d.send(ctx, middle, to)
}

// count returns how many of the records have no error.
func (d *delivery) count(from, to int) (n int) {
	for _, err := range d.errs[from:to] {
		if err == nil {
			n++
		}
	}
	return n
}

// fail gives the records an error, but for those that have one.
func (d *delivery) fail(from, to int, err error) {
	for i := from; i < to; i++ {
		if d.errs[i] == nil {
			d.errs[i] = err
		}
	}
}
