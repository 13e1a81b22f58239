package record

import (
	"encoding/hex"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/attribute"
)

// writer appends the JSON of records.
type writer struct{ canonical.Writer }

const badAction = "it must be words of lowercase letters, digits and underscores, joined by dots"

func (w *writer) record(b []byte, r *Record) []byte {
	b = append(b, `{"action":"`...)
	if !ValidAction(r.Action) {
		w.Fail(b, badAction)
	}
	b = append(b, r.Action...) // needs no escaping
	b = append(b, `","actor":`...)
	b = w.Actor(b, &r.Actor)
	if !r.Attempt.IsZero() {
		b = w.ID(b, `"attempt":"`, r.Attempt)
	}
	b = w.bulk(b, &r.Bulk)
	b = w.changes(b, r.Changes)
	b = w.Text(b, `"channel":`, r.Channel)
	b = w.covers(b, r.Covers)
	b = w.Text(b, `"failure":`, r.Failure)
	b = w.ID(b, `"id":"`, r.ID)
	b = w.Word(b, `"kind":`, r.Kind.String(), r.Kind.Valid())
	b = w.Marks(b, `"marks":`, r.Marks)
	b = w.Attributes(b, `"metadata":`, r.Metadata)
	var observed []byte // JSON of the observed time
	if !r.ObservedTime.IsZero() {
		b = append(b, `"observed_time":`...)
		start := len(b)
		b = w.Time(b, r.ObservedTime)
		observed = b[start:]
	}
	if r.Operation != audit.OperationUnspecified {
		b = w.Word(b, `"operation":`, r.Operation.String(), r.Operation.Valid())
	}
	b = w.Word(b, `"outcome":`, r.Outcome.String(), r.Outcome.Valid())
	b = w.Attributes(b, `"overridden":`, r.Overridden)
	b = w.Text(b, `"reason":`, r.Reason)
	b = w.Texts(b, `"redacted":`, r.Redacted)
	b = w.resource(b, r.Resource)
	if r.SpanID.IsValid() {
		b = append(b, `"span_id":"`...)
		b = hex.AppendEncode(b, r.SpanID[:])
		b = append(b, `",`...)
	}
	b = w.target(b, &r.Target)
	b = w.Text(b, `"tenant":`, r.Tenant)
	b = append(b, `"time":`...)
	if observed != nil && r.Time.Equal(r.ObservedTime) { // the usual case
		b = append(b, observed...)
	} else {
		b = w.Time(b, r.Time)
	}
	if r.TraceID.IsValid() {
		b = append(b, `"trace_id":"`...)
		b = hex.AppendEncode(b, r.TraceID[:])
		b = append(b, `",`...)
	}
	b = w.tracker(b, &r.Tracker)
	b[len(b)-1] = '}'
	return b
}

func (w *writer) changes(b []byte, changes []audit.Change) []byte {
	if len(changes) == 0 {
		return b
	}
	b = append(b, `"changes":[`...)
	for i := range changes {
		c := &changes[i]
		b = append(b, `{"field":`...)
		b = w.String(b, c.Field, ',')
		if c.New.Type() != attribute.EMPTY {
			b = append(b, `"new":`...)
			b = w.Value(b, &c.New)
		}
		if c.Old.Type() != attribute.EMPTY {
			b = append(b, `"old":`...)
			b = w.Value(b, &c.Old)
		}
		if c.Redacted {
			b = append(b, `"redacted":true,`...)
		}
		b[len(b)-1] = '}'
		b = append(b, ',')
	}
	b[len(b)-1] = ']'
	return append(b, ',')
}

func (w *writer) bulk(b []byte, k *audit.Bulk) []byte {
	if k.IsZero() {
		return b
	}
	b = w.Count(b, `"bulk":{"affected":`, k.Affected)
	b = w.Texts(b, `"sample":`, k.Sample)
	b = append(b, `"selector":`...)
	if k.Selector == "" {
		w.Fail(b, "it is missing")
	}
	b = w.String(b, k.Selector, '}')
	return append(b, ',')
}

func (w *writer) covers(b []byte, targets []audit.Target) []byte {
	if len(targets) == 0 {
		return b
	}
	b = append(b, `"covers":[`...)
	for i := range targets {
		if targets[i] == (audit.Target{}) {
			w.Fail(b, "it is empty")
		}
		b = w.targetMembers(b, &targets[i])
	}
	b[len(b)-1] = ']'
	return append(b, ',')
}

func (w *writer) target(b []byte, t *audit.Target) []byte {
	if *t == (audit.Target{}) {
		return b
	}
	b = append(b, `"target":`...)
	return w.targetMembers(b, t)
}

func (w *writer) targetMembers(b []byte, t *audit.Target) []byte {
	b = append(b, '{')
	b = w.Text(b, `"id":`, t.ID)
	b = w.Text(b, `"name":`, t.Name)
	b = w.Text(b, `"type":`, t.Type)
	b[len(b)-1] = '}'
	return append(b, ',')
}

func (w *writer) tracker(b []byte, t *Instrumentation) []byte {
	if *t == (Instrumentation{}) {
		return b
	}
	b = append(b, `"tracker":{`...)
	b = w.Text(b, `"name":`, t.Name)
	b = w.Text(b, `"version":`, t.Version)
	b[len(b)-1] = '}'
	return append(b, ',')
}
