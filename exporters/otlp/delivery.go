package otlp

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// delivery sends some records of a batch to the server, one request after the other.
type delivery struct {
	exporter *Exporter
	encoder  *encoder
	records  []*record.Record
	errs     []error // by index in records; nil if delivered
}

func (d *delivery) run(ctx context.Context) { d.send(ctx, 0, len(d.records)) }

// send sends the records in [from, to). It returns false if the server is not available, and
// then sends nothing more.
func (d *delivery) send(ctx context.Context, from, to int) (ok bool) {
	for from < to {
		request, next := d.fill(ctx, from, to)
		if len(request) > 0 && !d.sendRequest(ctx, request, from, next) {
			d.fail(next, to, errNotSent)
			return false
		}
		from = next
	}
	return true
}

// fill encodes as many records as fit into a request. It returns the index of the first
// record that does not. It sets the errors of records that cannot be sent.
func (d *delivery) fill(ctx context.Context, from, to int) (request []byte, next int) {
	d.encoder.begin()
	for next = from; next < to; next++ {
		place, _ := export.PlaceOf(ctx, d.records[next])
		switch size, err := d.encoder.encode(d.records[next], place); {
		case err != nil:
			d.errs[next] = export.Permanent(err)
		case d.encoder.size() == 0 && size > d.exporter.maxRequest:
			d.errs[next] = export.Permanent(&audit.ValidationError{
				Field: "record", Reason: "it is larger than a request may be; see otlp.WithMaxRequestSize",
			})
		case size > d.exporter.maxRequest:
			return d.encoder.end(), next
		default:
			d.encoder.add()
		}
	}
	return d.encoder.end(), next
}

// sendRequest sends a request with the records in [from, to), except those that have an error
// already. It returns false if the server is not available.
func (d *delivery) sendRequest(ctx context.Context, request []byte, from, to int) (ok bool) {
	reply, err := d.exporter.sender.send(ctx, request)
	n := d.count(from, to)
	switch failure, isServerError := errors.AsType[*ServerError](err); {
	case err == nil && reply.rejected == 0:
		d.exporter.warnings.report(ctx, reply.message)
		return true
	case err == nil:
		err = &ServerError{Rejected: true, Reason: "the server rejected the record", Message: reply.message}
		if reply.rejected >= int64(n) || n == 1 {
			d.fail(from, to, export.Permanent(err))
			return true
		}
	case isServerError && failure.Rejected:
		if n == 1 {
			d.fail(from, to, export.Permanent(err))
			return true
		}
	case isServerError && failure.tooLarge && len(request) > smallRequest:
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

// smallRequest is a size, in bytes, that every server accepts. If a smaller request is too
// large for it, the server is overloaded.
const smallRequest = 64 << 10

// halve sends the records again in two requests, to find the rejected ones. The result of one
// half says nothing about the other: a record is delivered only if it was in a request
// that the server accepted completely.
func (d *delivery) halve(ctx context.Context, from, to int) (ok bool) {
	middle := from + (to-from)/2
	if !d.send(ctx, from, middle) {
		d.fail(middle, to, errNotSent)
		return false
	}
	return d.send(ctx, middle, to)
}

// count returns the number of records in [from, to) without an error.
func (d *delivery) count(from, to int) (n int) {
	for _, err := range d.errs[from:to] {
		if err == nil {
			n++
		}
	}
	return n
}

// fail sets the error of the records in [from, to) that have none.
func (d *delivery) fail(from, to int, err error) {
	for i := from; i < to; i++ {
		if d.errs[i] == nil {
			d.errs[i] = err
		}
	}
}
