package otlp

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/protobuf/encoding/protowire"
)

// encoder makes requests (ExportLogsServiceRequest) of records, which stand under
// their resource and tracker as long as those do not change. It is not for concurrent
// use.
type encoder struct {
	request  wireWriter // what is made; a new one for each, since it may be read after send has returned
	largest  int        // size of the largest request so far
	resource int        // where the open ResourceLogs begins, or zero
	scope    int        // where the open ScopeLogs begins, or zero

	record   wireWriter // the record that may be added
	last     *record.Record
	next     *record.Record
	resolved *resource.Resource // whose encoding is kept
	encoded  []byte
}

// groupRoom is room for the length of most groups: of 16 KiB to 2 MiB. What a request
// grows by at most when its groups are closed is closingRoom.
const (
	groupRoom   = 3
	closingRoom = 2
)

func (e *encoder) begin() {
	e.request = wireWriter{}
	e.resource, e.scope, e.last = 0, 0, nil
}

// size is that of the request.
func (e *encoder) size() int { return len(e.request.b) }

// encode encodes a record, and returns the most that the request has with it. On an
// error, a *audit.ValidationError, there is nothing to add.
func (e *encoder) encode(r *record.Record) (size int, err error) {
	w := &e.record
	*w = wireWriter{b: w.b[:0]}
	w.record(r)
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

// encodeResource encodes the first and last field of a ResourceLogs. Nearly all
// records have the resource of the one before, which nobody can change.
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

// add adds the record that was encoded last.
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

// end returns the request, which is not written to any more.
func (e *encoder) end() []byte {
	e.closeScope()
	e.closeResource()
	request := e.request.b
	e.largest = max(e.largest, len(request))
	e.request, e.last, e.next = wireWriter{}, nil, nil // the records are not ours to keep
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
