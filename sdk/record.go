package sdk

import (
	"bytes"
	"slices"
	"time"

	"github.com/opendeed/audit"
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

	// scope is that of the Track call while the record is in the pipeline.
	scope *audit.Scope
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

// Restates reports whether r and o state the same event: one that was tracked again
// after an error. They are the same but for what the SDK assigned: the observed time,
// the time where it is the observed one, trace and span.
func (r *Record) Restates(o *Record) bool {
	if r.ID != o.ID {
		return false
	}
	a, errA := r.stated().AppendJSON(nil)
	b, errB := o.stated().AppendJSON(nil)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// stated returns a record without what the SDK assigned.
func (r *Record) stated() *Record {
	s := *r
	if s.Time.Equal(s.ObservedTime) {
		s.Time = time.Unix(0, 0)
	}
	s.ObservedTime = time.Time{}
	s.TraceID, s.SpanID = trace.TraceID{}, trace.SpanID{}
	return &s
}

// mark lists path as not being as it was handed in.
func (r *Record) mark(path string) { r.Marked = insertPath(r.Marked, path) }

// redacted lists path as masked or removed.
func (r *Record) redacted(path string) { r.Redacted = insertPath(r.Redacted, path) }

// insertPath keeps paths sorted and without doubles. The result is a new slice
// where paths has no room, so that slices shared with a scope stay as they are.
func insertPath(paths []string, path string) []string {
	at, found := slices.BinarySearch(paths, path)
	if found {
		return paths
	}
	return slices.Insert(slices.Clip(paths), at, path)
}
