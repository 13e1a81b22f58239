package record

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/trace"
)

// The members of the objects, in canonical order.
var (
	recordMembers = []canonical.Member{
		{Name: "action", Required: true},
		{Name: "actor", Required: true},
		{Name: "attempt"},
		{Name: "bulk"},
		{Name: "changes"},
		{Name: "channel"},
		{Name: "covers"},
		{Name: "failure"},
		{Name: "id", Required: true},
		{Name: "kind", Required: true},
		{Name: "marks"},
		{Name: "metadata"},
		{Name: "observed_time"},
		{Name: "operation"},
		{Name: "outcome", Required: true},
		{Name: "overridden"},
		{Name: "place"},
		{Name: "reason"},
		{Name: "redacted"},
		{Name: "resource"},
		{Name: "span_id"},
		{Name: "target"},
		{Name: "tenant"},
		{Name: "time", Required: true},
		{Name: "trace_id"},
		{Name: "tracker"},
	}
	placeMembers   = []canonical.Member{{Name: "log", Required: true}, {Name: "seq", Required: true}}
	bulkMembers    = []canonical.Member{{Name: "affected", Required: true}, {Name: "sample"}, {Name: "selector", Required: true}}
	changeMembers  = []canonical.Member{{Name: "field", Required: true}, {Name: "new"}, {Name: "old"}, {Name: "redacted"}}
	targetMembers  = []canonical.Member{{Name: "id"}, {Name: "name"}, {Name: "type"}}
	trackerMembers = []canonical.Member{{Name: "name"}, {Name: "version"}}
)

// reader reads the JSON of records.
type reader struct{ canonical.Reader }

func newReader(text string) reader { return reader{canonical.NewReader(text)} }

func (p *reader) record(r *Record) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(recordMembers, &seen) {
		case "action":
			r.Action = p.action()
		case "actor":
			p.Actor(&r.Actor)
		case "attempt":
			r.Attempt = p.ID()
		case "bulk":
			r.Bulk = p.bulk()
		case "changes":
			r.Changes = p.changes()
		case "channel":
			r.Channel = p.Text()
		case "covers":
			r.Covers = p.covers()
		case "failure":
			r.Failure = p.Text()
		case "id":
			r.ID = p.ID()
		case "kind":
			r.Kind = canonical.Word(&p.Reader, audit.KindIntent)
		case "marks":
			r.Marks = p.Marks()
		case "metadata":
			r.Metadata = p.Attributes()
		case "observed_time":
			r.ObservedTime = p.Time()
		case "operation":
			r.Operation = canonical.Word(&p.Reader, audit.OperationUnspecified+1)
		case "outcome":
			r.Outcome = canonical.Word(&p.Reader, audit.OutcomeUnknown)
		case "overridden":
			r.Overridden = p.Attributes()
		case "place":
			p.place()
		case "reason":
			r.Reason = p.Text()
		case "redacted":
			r.Redacted = p.Texts()
		case "resource":
			r.Resource = p.resource()
		case "span_id":
			r.SpanID = p.spanID()
		case "target":
			r.Target = p.target()
		case "tenant":
			r.Tenant = p.Text()
		case "time":
			r.Time = p.Time()
		case "trace_id":
			r.TraceID = p.traceID()
		case "tracker":
			r.Tracker = p.tracker()
		}
	}
	p.Complete(start, recordMembers, seen)
}

// place reads the place that a line of a copy has beside the record, and is no part of it.
func (p *reader) place() {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(placeMembers, &seen) {
		case "log":
			p.Text()
		case "seq":
			p.Count()
		}
	}
	p.Complete(start, placeMembers, seen)
}

func (p *reader) action() string {
	at := p.Pos()
	action := p.String()
	if !ValidAction(action) {
		p.Fail(at, badAction)
	}
	return action
}

func (p *reader) bulk() (k audit.Bulk) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(bulkMembers, &seen) {
		case "affected":
			k.Affected = p.Count()
		case "sample":
			k.Sample = p.Texts()
		case "selector":
			k.Selector = p.Text()
		}
	}
	p.Complete(start, bulkMembers, seen)
	return k
}

func (p *reader) changes() []audit.Change {
	var changes []audit.Change
	start := p.Pos()
	for more := p.Open('[', ']'); more; more = p.Next(']') {
		changes = append(changes, p.change())
	}
	p.RequireFilled(start, len(changes) > 0)
	return changes
}

func (p *reader) change() (c audit.Change) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(changeMembers, &seen) {
		case "field":
			c.Field = p.String()
		case "new":
			c.New = p.Value()
		case "old":
			c.Old = p.Value()
		case "redacted":
			p.RequireFilled(p.Pos(), p.Peek() != 'f')
			p.Literal("true")
			c.Redacted = true
		}
	}
	p.Complete(start, changeMembers, seen)
	return c
}

func (p *reader) covers() []audit.Target {
	var targets []audit.Target
	start := p.Pos()
	for more := p.Open('[', ']'); more; more = p.Next(']') {
		targets = append(targets, p.target())
	}
	p.RequireFilled(start, len(targets) > 0)
	return targets
}

func (p *reader) target() (t audit.Target) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(targetMembers, &seen) {
		case "id":
			t.ID = p.Text()
		case "name":
			t.Name = p.Text()
		case "type":
			t.Type = p.Text()
		}
	}
	p.RequireFilled(start, seen != 0)
	return t
}

func (p *reader) tracker() (t Instrumentation) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(trackerMembers, &seen) {
		case "name":
			t.Name = p.Text()
		case "version":
			t.Version = p.Text()
		}
	}
	p.RequireFilled(start, seen != 0)
	return t
}

func (p *reader) spanID() trace.SpanID {
	start := p.Pos()
	id, err := trace.SpanIDFromHex(p.String())
	if err != nil {
		p.Fail(start, "it must be 16 hexadecimal digits, lowercase and not all zero")
	}
	return id
}

func (p *reader) traceID() trace.TraceID {
	start := p.Pos()
	id, err := trace.TraceIDFromHex(p.String())
	if err != nil {
		p.Fail(start, "it must be 32 hexadecimal digits, lowercase and not all zero")
	}
	return id
}
