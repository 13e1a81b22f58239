package record

import (
	"bytes"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sorted"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// Record is a resolved event: what is stored. Its one wire form is the
// canonical JSON of AppendJSON.
//
// Exporters share records and must not change them. A processor owns the record
// that it was given until it passes it on.
type Record struct {
	audit.Event

	// ObservedTime is when the SDK took the event.
	ObservedTime time.Time
	// Tracker is what tracked it.
	Tracker Instrumentation
	// Resource is the service that tracked it. Shared; never changed.
	Resource *resource.Resource
	// TraceID and SpanID are those of the context, zero where there was no span.
	TraceID trace.TraceID
	SpanID  trace.SpanID
	// Channel is the way by which the actor came, e.g. "api", "admin", "job".
	Channel string
	// Overridden is the scope's metadata that the event's own replaced, sorted by
	// key.
	Overridden []attribute.KeyValue
	// Redacted lists the paths of what was masked or removed, sorted,
	// e.g. "metadata.password".
	Redacted []string
	// Marked lists the paths of what is not as it was handed in, sorted: cut,
	// cleaned or replaced by a placeholder.
	Marked []string
}

// Instrumentation is the package that tracked an event.
type Instrumentation struct {
	Name    string
	Version string
}

// Clone returns a copy that shares nothing that can be changed.
func (r *Record) Clone() *Record {
	c := *r
	c.Actor = r.Actor.Clone()
	c.Changes = slices.Clone(r.Changes)
	c.Bulk.Sample = slices.Clone(r.Bulk.Sample)
	c.Metadata = slices.Clone(r.Metadata)
	c.Overridden = slices.Clone(r.Overridden)
	c.Redacted = slices.Clone(r.Redacted)
	c.Marked = slices.Clone(r.Marked)
	return &c
}

// IsRetryOf reports whether both records come from one event tracked twice, ignoring
// the fields that the SDK assigns: the observed time, the time if it equals the
// observed one, trace and span.
func (r *Record) IsRetryOf(o *Record) bool {
	if r.ID != o.ID {
		return false
	}
	a, errA := r.withoutAssigned().AppendJSON(nil)
	b, errB := o.withoutAssigned().AppendJSON(nil)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// withoutAssigned returns a record without what the SDK assigned.
func (r *Record) withoutAssigned() *Record {
	s := *r
	if s.Time.Equal(s.ObservedTime) {
		s.Time = time.Unix(0, 0)
	}
	s.ObservedTime = time.Time{}
	s.TraceID, s.SpanID = trace.TraceID{}, trace.SpanID{}
	return &s
}

// AddMarked adds path to Marked.
func (r *Record) AddMarked(path string) { r.Marked = sorted.Insert(r.Marked, path) }

// AddRedacted adds path to Redacted.
func (r *Record) AddRedacted(path string) { r.Redacted = sorted.Insert(r.Redacted, path) }
