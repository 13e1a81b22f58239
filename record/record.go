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

// Record is an event as it is stored, with what the SDK adds to it. Its wire form is the
// canonical JSON of AppendJSON.
//
// Exporters share records and must not change them. A processor may change a record until
// it passes the record on.
type Record struct {
	audit.Event

	// ObservedTime is when the application tracked the event.
	ObservedTime time.Time
	// Tracker is the package that tracked the event.
	Tracker Instrumentation
	// Resource is the service that tracked the event. Records share it.
	Resource *resource.Resource
	// TraceID and SpanID identify the span of the context, and are zero if there was none.
	TraceID trace.TraceID
	SpanID  trace.SpanID
	// Channel is how the actor reached the service, e.g. "api", "admin" or "job".
	Channel string
	// Overridden is the metadata of scopes that was replaced by other metadata with the
	// same key, sorted by key.
	Overridden []attribute.KeyValue
	// Redacted lists the paths of values that were masked or removed, e.g.
	// "metadata.password". It is sorted.
	Redacted []string
}

// Instrumentation is the package that tracked an event.
type Instrumentation struct {
	Name    string
	Version string
}

// Clone returns a copy that shares no mutable data with r.
func (r *Record) Clone() *Record {
	c := *r
	c.Actor = r.Actor.Clone()
	c.Covers = slices.Clone(r.Covers)
	c.Changes = slices.Clone(r.Changes)
	c.Bulk.Sample = slices.Clone(r.Bulk.Sample)
	c.Metadata = slices.Clone(r.Metadata)
	c.Overridden = slices.Clone(r.Overridden)
	c.Redacted = slices.Clone(r.Redacted)
	c.Marks = slices.Clone(r.Marks)
	return &c
}

// IsRetryOf reports whether both records come from one event that was tracked twice. It
// ignores the fields that the SDK assigns: the observed time, the time if it equals the
// observed time, and the IDs of trace and span.
func (r *Record) IsRetryOf(o *Record) bool {
	if r.ID != o.ID {
		return false
	}
	a, errA := r.withoutAssigned().AppendJSON(nil)
	b, errB := o.withoutAssigned().AppendJSON(nil)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// withoutAssigned returns a copy without the fields that the SDK assigns.
func (r *Record) withoutAssigned() *Record {
	s := *r
	if s.Time.Equal(s.ObservedTime) {
		s.Time = time.Unix(0, 0)
	}
	s.ObservedTime = time.Time{}
	s.TraceID, s.SpanID = trace.TraceID{}, trace.SpanID{}
	return &s
}

// AddRedacted adds path to Redacted, which stays sorted and without duplicates.
func (r *Record) AddRedacted(path string) { r.Redacted = sorted.Insert(r.Redacted, path) }
