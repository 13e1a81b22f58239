package record

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// jsonWriter appends the parts of a record. Members are written in the order of
// their names, each with a comma behind it; the last comma becomes the closing
// bracket. What a member opens with, its name and the colon, is given as it is
// written. The first failure is kept; what is written after it is thrown away.
type jsonWriter struct {
	failed int    // where writing failed
	reason string // why; empty if it did not
}

// fail keeps what is wrong with what comes behind b.
func (w *jsonWriter) fail(b []byte, reason string) {
	if w.reason == "" {
		w.failed, w.reason = len(b), reason
	}
}

const (
	badAction   = "it must be words of lower-case letters, digits and underscores, joined by dots"
	longChain   = "the chain of actors is too long, or circular"
	unknownWord = "its value is none of the constants"
)

func (w *jsonWriter) record(b []byte, r *Record) []byte {
	b = append(b, `{"action":"`...)
	if !audit.ValidAction(r.Action) {
		w.fail(b, badAction)
	}
	b = append(b, r.Action...) // has nothing to escape
	b = append(b, `","actor":`...)
	b = w.actor(b, &r.Actor, 0)
	if !r.Attempt.IsZero() {
		b = w.id(b, `"attempt":"`, r.Attempt)
	}
	b = w.bulk(b, &r.Bulk)
	b = w.changes(b, r.Changes)
	b = w.text(b, `"channel":`, r.Channel)
	b = w.id(b, `"id":"`, r.ID)
	b = w.word(b, `"kind":`, r.Kind.String(), r.Kind.Valid())
	b = w.texts(b, `"marked":`, r.Marked)
	b = w.attributes(b, `"metadata":`, r.Metadata)
	var observed []byte // as it is written
	if !r.ObservedTime.IsZero() {
		b = append(b, `"observed_time":`...)
		start := len(b)
		b = w.time(b, r.ObservedTime)
		observed = b[start:]
	}
	if r.Operation != audit.OperationUnspecified {
		b = w.word(b, `"operation":`, r.Operation.String(), r.Operation.Valid())
	}
	b = w.word(b, `"outcome":`, r.Outcome.String(), r.Outcome.Valid())
	b = w.attributes(b, `"overridden":`, r.Overridden)
	b = w.text(b, `"reason":`, r.Reason)
	b = w.texts(b, `"redacted":`, r.Redacted)
	b = w.resource(b, r.Resource)
	if r.SpanID.IsValid() {
		b = append(b, `"span_id":"`...)
		b = hex.AppendEncode(b, r.SpanID[:])
		b = append(b, `",`...)
	}
	b = w.target(b, &r.Target)
	b = w.text(b, `"tenant":`, r.Tenant)
	b = append(b, `"time":`...)
	if observed != nil && r.Time.Equal(r.ObservedTime) { // as for most events
		b = append(b, observed...)
	} else {
		b = w.time(b, r.Time)
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

// actor writes an actor who stands behind that many others.
func (w *jsonWriter) actor(b []byte, a *audit.Actor, behind int) []byte {
	b = append(b, '{')
	b = w.text(b, `"auth_method":`, a.AuthMethod)
	b = w.text(b, `"id":`, a.ID)
	b = w.text(b, `"name":`, a.Name)
	if a.OnBehalfOf != nil {
		b = append(b, `"on_behalf_of":`...)
		if behind < audit.MaxDelegation {
			b = w.actor(b, a.OnBehalfOf, behind+1)
		} else {
			w.fail(b, longChain)
		}
	}
	b = w.texts(b, `"roles":`, a.Roles)
	b = w.text(b, `"session_id":`, a.SessionID)
	b = w.word(b, `"type":`, a.Type.String(), a.Type.Valid() && a.Type != audit.ActorNone)
	b[len(b)-1] = '}'
	return append(b, ',')
}

func (w *jsonWriter) changes(b []byte, changes []audit.Change) []byte {
	if len(changes) == 0 {
		return b
	}
	b = append(b, `"changes":[`...)
	for i := range changes {
		c := &changes[i]
		b = append(b, `{"field":`...)
		b = w.string(b, c.Field, ',')
		if c.New.Type() != attribute.EMPTY {
			b = append(b, `"new":`...)
			b = w.value(b, &c.New, 0)
		}
		if c.Old.Type() != attribute.EMPTY {
			b = append(b, `"old":`...)
			b = w.value(b, &c.Old, 0)
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

func (w *jsonWriter) bulk(b []byte, k *audit.Bulk) []byte {
	if k.IsZero() {
		return b
	}
	b = append(b, `"bulk":{"affected":`...)
	if k.Affected < 0 || k.Affected > audit.MaxAffected {
		w.fail(b, "it must be from 0 to 2^53-1")
	}
	b = strconv.AppendInt(b, k.Affected, 10)
	b = append(b, ',')
	b = w.texts(b, `"sample":`, k.Sample)
	b = append(b, `"selector":`...)
	if k.Selector == "" {
		w.fail(b, "it is missing")
	}
	b = w.string(b, k.Selector, '}')
	return append(b, ',')
}

func (w *jsonWriter) id(b []byte, opening string, id audit.ID) []byte {
	b = append(b, opening...)
	if id.IsZero() {
		w.fail(b, "it is missing")
	}
	b, _ = id.AppendText(b) // never fails
	return append(b, `",`...)
}

func (w *jsonWriter) target(b []byte, t *audit.Target) []byte {
	if *t == (audit.Target{}) {
		return b
	}
	b = append(b, `"target":{`...)
	b = w.text(b, `"id":`, t.ID)
	b = w.text(b, `"name":`, t.Name)
	b = w.text(b, `"type":`, t.Type)
	b[len(b)-1] = '}'
	return append(b, ',')
}

func (w *jsonWriter) tracker(b []byte, t *Instrumentation) []byte {
	if *t == (Instrumentation{}) {
		return b
	}
	b = append(b, `"tracker":{`...)
	b = w.text(b, `"name":`, t.Name)
	b = w.text(b, `"version":`, t.Version)
	b[len(b)-1] = '}'
	return append(b, ',')
}

// attributes writes a member that is left out when there are none.
func (w *jsonWriter) attributes(b []byte, opening string, kvs []attribute.KeyValue) []byte {
	if len(kvs) == 0 {
		return b
	}
	b = append(b, opening...)
	b = w.object(b, kvs, 0)
	return append(b, ',')
}

// text writes a member that is left out when it is empty.
func (w *jsonWriter) text(b []byte, opening, s string) []byte {
	if s == "" {
		return b
	}
	b = append(b, opening...)
	return w.string(b, s, ',')
}

// texts writes a member that is left out when the list is empty.
func (w *jsonWriter) texts(b []byte, opening string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, opening...)
	b = w.strings(b, list)
	return append(b, ',')
}

func (w *jsonWriter) time(b []byte, t time.Time) []byte {
	if !isJSONTime(t) {
		w.fail(b, "it must be between the years 1970 and 9999")
		return append(b, `"",`...)
	}
	b = append(b, '"')
	b = appendTime(b, t)
	return append(b, `",`...)
}

// word writes the word of a constant.
func (w *jsonWriter) word(b []byte, opening, word string, known bool) []byte {
	b = append(b, opening...)
	if !known {
		w.fail(b, unknownWord)
	}
	b = append(b, '"')
	b = append(b, word...)
	return append(b, `",`...)
}
