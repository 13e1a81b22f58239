package record

import (
	"time"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// The members of the objects, in the order in which they are written.
var (
	recordMembers = []jsonMember{
		{name: "action", required: true},
		{name: "actor", required: true},
		{name: "attempt"},
		{name: "bulk"},
		{name: "changes"},
		{name: "channel"},
		{name: "id", required: true},
		{name: "kind", required: true},
		{name: "marked"},
		{name: "metadata"},
		{name: "observed_time"},
		{name: "operation"},
		{name: "outcome", required: true},
		{name: "overridden"},
		{name: "reason"},
		{name: "redacted"},
		{name: "resource"},
		{name: "span_id"},
		{name: "target"},
		{name: "tenant"},
		{name: "time", required: true},
		{name: "trace_id"},
		{name: "tracker"},
	}
	actorMembers = []jsonMember{
		{name: "auth_method"},
		{name: "id"},
		{name: "name"},
		{name: "on_behalf_of"},
		{name: "roles"},
		{name: "session_id"},
		{name: "type", required: true},
	}
	bulkMembers    = []jsonMember{{name: "affected", required: true}, {name: "sample"}, {name: "selector", required: true}}
	changeMembers  = []jsonMember{{name: "field", required: true}, {name: "new"}, {name: "old"}, {name: "redacted"}}
	targetMembers  = []jsonMember{{name: "id"}, {name: "name"}, {name: "type"}}
	trackerMembers = []jsonMember{{name: "name"}, {name: "version"}}
)

// emptyMember is why an empty text, list or object is refused: equal records have
// equal members.
const emptyMember = "it is empty and must be left out"

func (p *jsonReader) record(r *Record) {
	start, seen := p.pos, uint32(0)
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(recordMembers, &seen) {
		case "action":
			r.Action = p.action()
		case "actor":
			p.actor(&r.Actor, 0)
		case "attempt":
			r.Attempt = p.id()
		case "bulk":
			r.Bulk = p.bulk()
		case "changes":
			r.Changes = p.changes()
		case "channel":
			r.Channel = p.filled()
		case "id":
			r.ID = p.id()
		case "kind":
			r.Kind = readWord(p, audit.KindIntent)
		case "marked":
			r.Marked = p.list()
		case "metadata":
			r.Metadata = p.attributes()
		case "observed_time":
			r.ObservedTime = p.time()
		case "operation":
			r.Operation = readWord(p, audit.OperationUnspecified+1)
		case "outcome":
			r.Outcome = readWord(p, audit.OutcomeUnknown)
		case "overridden":
			r.Overridden = p.attributes()
		case "reason":
			r.Reason = p.filled()
		case "redacted":
			r.Redacted = p.list()
		case "resource":
			r.Resource = p.resource()
		case "span_id":
			r.SpanID = p.spanID()
		case "target":
			r.Target = p.target()
		case "tenant":
			r.Tenant = p.filled()
		case "time":
			r.Time = p.time()
		case "trace_id":
			r.TraceID = p.traceID()
		case "tracker":
			r.Tracker = p.tracker()
		}
	}
	p.complete(start, recordMembers, seen)
}

func (p *jsonReader) action() string {
	at := p.pos
	action := p.string()
	if !audit.ValidAction(action) {
		p.fail(at, badAction)
	}
	return action
}

// actor reads an actor who stands behind that many others.
func (p *jsonReader) actor(a *audit.Actor, behind int) {
	start, seen := p.pos, uint32(0)
	if behind > audit.MaxDelegation {
		p.fail(start, longChain)
	}
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(actorMembers, &seen) {
		case "auth_method":
			a.AuthMethod = p.filled()
		case "id":
			a.ID = p.filled()
		case "name":
			a.Name = p.filled()
		case "on_behalf_of":
			a.OnBehalfOf = new(audit.Actor)
			p.actor(a.OnBehalfOf, behind+1)
		case "roles":
			a.Roles = p.list()
		case "session_id":
			a.SessionID = p.filled()
		case "type":
			a.Type = readWord(p, audit.ActorNone+1)
		}
	}
	p.complete(start, actorMembers, seen)
}

func (p *jsonReader) bulk() (k audit.Bulk) {
	start, seen := p.pos, uint32(0)
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(bulkMembers, &seen) {
		case "affected":
			p.peek()
			at := p.pos
			n := p.number()
			if k.Affected = n.AsInt64(); n.Type() != attribute.INT64 || k.Affected < 0 {
				p.fail(at, "it must be an integer from 0 to 2^53-1")
			}
		case "sample":
			k.Sample = p.list()
		case "selector":
			k.Selector = p.filled()
		}
	}
	p.complete(start, bulkMembers, seen)
	return k
}

func (p *jsonReader) changes() []audit.Change {
	var changes []audit.Change
	start := p.pos
	for more := p.open('[', ']'); more; more = p.next(']') {
		changes = append(changes, p.change())
	}
	p.require(start, len(changes) > 0)
	return changes
}

func (p *jsonReader) change() (c audit.Change) {
	start, seen := p.pos, uint32(0)
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(changeMembers, &seen) {
		case "field":
			c.Field = p.string()
		case "new":
			c.New = p.filledValue()
		case "old":
			c.Old = p.filledValue()
		case "redacted":
			p.require(p.pos, p.peek() != 'f')
			p.literal("true")
			c.Redacted = true
		}
	}
	p.complete(start, changeMembers, seen)
	return c
}

func (p *jsonReader) target() (t audit.Target) {
	start, seen := p.pos, uint32(0)
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(targetMembers, &seen) {
		case "id":
			t.ID = p.filled()
		case "name":
			t.Name = p.filled()
		case "type":
			t.Type = p.filled()
		}
	}
	p.require(start, seen != 0)
	return t
}

func (p *jsonReader) tracker() (t Instrumentation) {
	start, seen := p.pos, uint32(0)
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch p.member(trackerMembers, &seen) {
		case "name":
			t.Name = p.filled()
		case "version":
			t.Version = p.filled()
		}
	}
	p.require(start, seen != 0)
	return t
}

// attributes reads an object that is not empty.
func (p *jsonReader) attributes() []attribute.KeyValue {
	start := p.pos
	kvs := p.object(0)
	p.require(start, len(kvs) > 0)
	return kvs
}

// filledValue reads a value that is not EMPTY.
func (p *jsonReader) filledValue() attribute.Value {
	start := p.pos
	v := p.value(0)
	p.require(start, v.Type() != attribute.EMPTY)
	return v
}

// list reads an array of strings that is not empty.
func (p *jsonReader) list() []string {
	var list []string
	start := p.pos
	for more := p.open('[', ']'); more; more = p.next(']') {
		list = append(list, p.string())
	}
	p.require(start, len(list) > 0)
	return list
}

// filled reads a string that is not empty.
func (p *jsonReader) filled() string {
	start := p.pos
	s := p.string()
	p.require(start, s != "")
	return s
}

// require fails where a member is empty.
func (p *jsonReader) require(start int, filled bool) {
	if !filled {
		p.fail(start, emptyMember)
	}
}

// enum is one of the audit package's.
type enum interface {
	~uint8
	Valid() bool
	String() string
}

// readWord reads the word of a constant from first on.
func readWord[T enum](p *jsonReader, first T) T {
	start := p.pos
	s := p.string()
	for v := first; v.Valid(); v++ {
		if v.String() == s {
			return v
		}
	}
	p.fail(start, "it is none of the words")
	return first
}

func (p *jsonReader) id() (id audit.ID) {
	start := p.pos
	var text [36]byte
	if s := p.string(); len(s) != copy(text[:], s) || id.UnmarshalText(text[:]) != nil || id.IsZero() {
		p.fail(start, "it must be a UUID of 36 characters, lower case, with hyphens, and not zero")
	}
	return id
}

func (p *jsonReader) spanID() trace.SpanID {
	start := p.pos
	id, err := trace.SpanIDFromHex(p.string())
	if err != nil {
		p.fail(start, "it must be 16 hexadecimal digits, lower case and not all zero")
	}
	return id
}

func (p *jsonReader) traceID() trace.TraceID {
	start := p.pos
	id, err := trace.TraceIDFromHex(p.string())
	if err != nil {
		p.fail(start, "it must be 32 hexadecimal digits, lower case and not all zero")
	}
	return id
}

func (p *jsonReader) time() time.Time {
	start := p.pos
	t, ok := parseTime(p.string())
	if !ok {
		p.fail(start, "it must be a time like 2006-01-02T15:04:05.000000000Z, from 1970 to 9999")
	}
	return t
}
