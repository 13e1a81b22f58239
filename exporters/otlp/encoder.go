package otlp

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/protobuf/encoding/protowire"
)

// encoder encodes records as requests (ExportLogsServiceRequest). It groups consecutive
// records with the same resource and tracker. It is not safe for concurrent use.
type encoder struct {
	request  wireWriter // a new one for each request, since it may be read after send has returned
	largest  int        // size of the largest request so far
	resource int        // offset of the open ResourceLogs, or zero
	scope    int        // offset of the open ScopeLogs, or zero

	record   wireWriter // the encoded record next
	last     *record.Record
	next     *record.Record
	resolved *resource.Resource // the resource in encoded
	encoded  []byte
}

// groupRoom is the space for the length of most groups, of 16 KiB to 2 MiB. closingRoom is
// the most that a request grows when its groups are closed.
const (
	groupRoom   = 3
	closingRoom = 2
)

func (e *encoder) begin() {
	e.request = wireWriter{}
	e.resource, e.scope, e.last = 0, 0, nil
}

// size returns the size of the request.
func (e *encoder) size() int { return len(e.request.b) }

// encode encodes a record, with its place unless that is zero, and returns the largest size of
// the request with it. If it returns an error, which is a *audit.ValidationError, add must not be
// called.
func (e *encoder) encode(r *record.Record, place export.Place) (size int, err error) {
	w := &e.record
	*w = wireWriter{b: w.b[:0]}
	w.record(r, place)
	record := len(w.b)
	overhead := 1 + protowire.SizeVarint(uint64(record)) + closingRoom
	if !e.sameScope(r) {
		w.member = "tracker"
		w.text(scopeName, r.Tracker.Name)
		w.text(scopeVersion, r.Tracker.Version)
		overhead += len(w.b) - record + 2 + 2*groupRoom
	}
	if !e.sameResource(r) {
		e.encodeResource(r.Resource)
		overhead += len(e.encoded) + 1 + groupRoom
	}
	w.b = w.b[:record]
	if w.reason != "" {
		return 0, &audit.ValidationError{Field: w.failed, Reason: w.reason}
	}
	e.next = r
	return len(e.request.b) + record + overhead, nil
}

// encodeResource encodes the first and the last field of a ResourceLogs. It reuses the
// encoding of the previous record's resource, which is nearly always the same. Resources
// are immutable.
func (e *encoder) encodeResource(r *resource.Resource) {
	if r == e.resolved && e.encoded != nil {
		return
	}
	w := wireWriter{b: e.encoded[:0], member: "resource"}
	start := w.begin(resourceLogsResource, groupRoom)
	w.pairs(resourceAttributes, r.Attributes(), 0)
	w.end(start, groupRoom)
	if url := r.SchemaURL(); url != "" {
		w.text(resourceLogsSchemaURL, url)
	}
	e.resolved, e.encoded = r, w.b
	if w.reason != "" {
		e.record.member = w.member
		e.record.fail(w.reason)
		e.resolved, e.encoded = nil, nil
	}
}

// add adds the record that encode encoded last.
func (e *encoder) add() {
	w, r := &e.request, e.next
	if w.b == nil {
		w.b = make([]byte, 0, e.largest+len(e.record.b)+len(e.encoded)+256)
	}
	if !e.sameScope(r) {
		e.closeScope()
	}
	if !e.sameResource(r) {
		e.closeResource()
		e.resource = w.begin(requestResourceLogs, groupRoom)
		w.b = append(w.b, e.encoded...)
	}
	if e.scope == 0 {
		e.scope = w.begin(resourceLogsScopeLogs, groupRoom)
		scope := w.begin(scopeLogsScope, smallRoom)
		if r.Tracker.Name != "" {
			w.text(scopeName, r.Tracker.Name)
		}
		if r.Tracker.Version != "" {
			w.text(scopeVersion, r.Tracker.Version)
		}
		w.end(scope, smallRoom)
	}
	w.bytes(scopeLogsRecords, e.record.b)
	e.last = r
}

// end returns the request. The encoder does not modify it afterwards.
func (e *encoder) end() []byte {
	e.closeScope()
	e.closeResource()
	request := e.request.b
	e.largest = max(e.largest, len(request))
	e.request, e.last, e.next = wireWriter{}, nil, nil // do not retain the records
	return request
}

func (e *encoder) closeScope() {
	if e.scope != 0 {
		e.request.end(e.scope, groupRoom)
		e.scope = 0
	}
}

func (e *encoder) closeResource() {
	if e.resource != 0 {
		e.request.end(e.resource, groupRoom)
		e.resource = 0
	}
}

// sameScope reports whether r belongs under the open ScopeLogs.
func (e *encoder) sameScope(r *record.Record) bool {
	return e.last != nil && e.last.Tracker == r.Tracker && e.sameResource(r)
}

func (e *encoder) sameResource(r *record.Record) bool {
	return e.last != nil && (e.last.Resource == r.Resource || e.last.Resource.Equal(r.Resource) && e.last.Resource.SchemaURL() == r.Resource.SchemaURL())
}
