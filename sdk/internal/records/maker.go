// Package records makes the records of events.
package records

import (
	"context"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/limit"
	"github.com/opendeed/audit/sdk/internal/recordpool"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// maxEventMarks is how many marks of an event are kept.
const maxEventMarks = 256

// Maker makes the records of a provider. Its method may be called concurrently.
type Maker struct {
	MaxMetadata int
	Resource    *resource.Resource
	Marks       []mark.Mark // of each record: those of the resource
}

// Make returns the record of an event, from the pool. It copies what the caller or the scope shares, and
// assigns what the event does not set.
func (m *Maker) Make(ctx context.Context, e *audit.Event, resolved *plumbing.Resolved, tracker record.Instrumentation) *record.Record {
	given := givenMetadata{event: e.Metadata, scope: resolved.Metadata}
	given.limit(m.MaxMetadata)
	r := recordpool.Get(len(given.event) + len(given.scope))
	room := r.Metadata
	r.Event = *e
	metadata, overridden := given.merge(room, resolved.Overridden)
	r.Metadata, r.Overridden = metadata, slices.Clone(overridden) // may be the scope's, and redaction changes it
	r.Marks = resolved.Marks
	if len(r.Marks) > 0 && len(given.event) > 0 && len(overridden) > 0 {
		r.Marks = moveMarks(r.Marks, given.event)
	}
	for _, of := range given.marks {
		r.AddMark(of)
	}
	for _, of := range m.Marks {
		r.AddMark(of)
	}
	for _, of := range e.Marks[:min(len(e.Marks), maxEventMarks)] {
		r.AddMark(of)
	}

	now := time.Now()
	r.ObservedTime = now.UTC().Round(0)
	if r.Time.IsZero() {
		r.Time = r.ObservedTime
	} else {
		r.Time = r.Time.UTC().Round(0)
	}
	if r.ID.IsZero() {
		r.ID = uuid.At(now)
	}
	r.Action = record.NormalizeAction(r.Action)
	OwnActor(&r.Actor)
	r.Covers = cloneFirst(r, "covers", r.Covers, limit.MaxChanges)
	r.Changes = cloneFirst(r, "changes", r.Changes, limit.MaxChanges)
	r.Bulk.Sample = cloneFirst(r, "bulk.sample", r.Bulk.Sample, record.MaxSample)
	if r.Tenant == "" {
		r.Tenant = resolved.Tenant
	}
	r.Channel = resolved.Channel
	r.Tracker = tracker
	r.Resource = m.Resource
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.TraceID, r.SpanID = span.TraceID(), span.SpanID()
	}
	return r
}

// OwnActor makes a share nothing with the event, and replaces session IDs by fingerprints.
func OwnActor(a *audit.Actor) {
	if a.Roles != nil || a.OnBehalfOf != nil {
		*a = a.Clone()
	}
	a.FingerprintSession()
}

// cloneFirst returns a copy of the first n elements of a list, and marks the record if there
// are more. Lists of the event may be of any length, so that only what can be recorded is
// copied.
func cloneFirst[T any](r *record.Record, path string, list []T, n int) []T {
	if dropped := len(list) - n; dropped > 0 {
		list = list[:n]
		r.AddMark(mark.Mark{Path: path, Kind: mark.Dropped, Count: int64(dropped)})
	}
	return slices.Clone(list)
}
