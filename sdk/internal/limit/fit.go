package limit

import (
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Fitter makes records fit. It is safe for concurrent use.
type Fitter struct {
	// Resource is a resource that fits. Records that have it need not be checked for it.
	Resource *resource.Resource
}

// Fit escapes and shortens what a record cannot have, so that its canonical JSON has at most
// record.MaxSize bytes. It marks what it changes. It does not change slices of the record
// that others may share. Nothing may change the record's texts after that: a second Fit
// would escape them again.
func (f *Fitter) Fit(r *record.Record) { f.fit(r, record.MaxSize) }

// FitWithRoom is Fit for a record to which the end of a unit of work adds: a kilobyte is left
// for that.
func (f *Fitter) FitWithRoom(r *record.Record) { f.fit(r, record.MaxSize-2*closingSize) }

func (f *Fitter) fit(r *record.Record, limit int) {
	if r.Resource != f.Resource {
		r.Resource, _ = Resource(r.Resource) // a processor has replaced it
	}
	if r.BeginsAttempt() {
		limit -= closingSize
	}
	if fits(r, limit) {
		return // the usual case
	}
	*r = *shorten(r, budget{size: limit, marks: 6 << 10})
}

// baseSize is more than the JSON of the members of a record that have no limit of their
// own: enums, times, IDs, the resource and the tracker.
const baseSize = maxResource + 4<<10

// closingSize is more than what a record that closes an attempt has and the one that began
// it has not.
const closingSize = 1 << 10

// fits reports whether the record can stay as it is.
func fits(r *record.Record, limit int) bool {
	c := checker{size: baseSize}
	if !c.record(r) {
		return false
	}
	// A byte of text that needs no escape takes at most two bytes in JSON.
	return c.size+2*c.text <= limit || jsonSize(r) <= limit
}

// buffers holds buffers for the JSON of records that are nearly too large.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// jsonSize returns the size of the record's JSON.
func jsonSize(r *record.Record) int {
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, err := r.AppendJSON((*buffer)[:0])
	if err != nil {
		return 0 // it is not valid in a way that shortening does not mend
	}
	if cap(b) <= 2*record.MaxSize {
		*buffer = b
	}
	return len(b)
}

// checker looks for what has to change, and adds up the size of everything else.
type checker struct {
	text int // bytes of texts
	size int // bytes of JSON of the rest, at least
}

// sizeNumber is more than the JSON of a number.
const sizeNumber = 48

func (c *checker) record(r *record.Record) bool {
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		c.size += sizeActor
		if !c.name(a.ID) || !c.name(a.Name) || !c.name(a.AuthMethod) || !c.name(a.SessionID) || !c.names(a.Roles) {
			return false
		}
	}
	if !c.target(&r.Target) || !c.name(r.Tenant) || !c.name(r.Channel) || !c.escaped(r.Tracker.Name) || !c.escaped(r.Tracker.Version) ||
		!c.prose(r.Reason) || !c.prose(r.Failure) || !c.prose(r.Bulk.Selector) || !c.names(r.Bulk.Sample) {
		return false
	}
	for i := range r.Covers {
		if !c.target(&r.Covers[i]) {
			return false
		}
	}
	for i := range r.Changes {
		change := &r.Changes[i]
		c.size += sizeChange
		if !c.name(change.Field) || !c.value(&change.Old, 0) || !c.value(&change.New, 0) {
			return false
		}
	}
	return c.attributes(r.Metadata) && c.attributes(r.Overridden) && c.paths(r.Redacted) && c.marks(r.Marks)
}

// name checks a text of one line, which is nearly always printable ASCII.
func (c *checker) name(s string) bool { return s == "" || c.longName(s) } // inlined

func (c *checker) longName(s string) bool {
	c.text += len(s)
	return len(s) <= record.MaxNameLength && (sanitize.Safe(s) || sanitize.IsEscaped(s, sanitize.Line))
}

func (c *checker) names(list []string) bool {
	for _, s := range list {
		c.size += sizeElement
		if !c.name(s) {
			return false
		}
	}
	return true
}

func (c *checker) target(t *audit.Target) bool {
	c.size += sizeTarget
	return c.name(t.Type) && c.name(t.ID) && c.name(t.Name)
}

// prose checks a text that may have several lines.
func (c *checker) prose(s string) bool { return s == "" || c.longProse(s) } // inlined

func (c *checker) longProse(s string) bool {
	c.text += len(s)
	return len(s) <= record.MaxSize && (sanitize.Safe(s) || sanitize.IsEscaped(s, sanitize.Prose))
}

// escaped checks a text of the SDK's own, which may be escaped already.
func (c *checker) escaped(s string) bool {
	c.text += len(s)
	return len(s) <= maxPath && sanitize.Plain(s)
}

func (c *checker) paths(list []string) bool {
	for _, s := range list {
		c.size += sizeElement
		if !c.escaped(s) {
			return false
		}
	}
	return true
}

func (c *checker) marks(marks []mark.Mark) bool {
	for i := range marks {
		c.size += sizeMark
		m := &marks[i]
		if m.Kind == mark.Client || !record.ValidMarkKind(m.Kind) ||
			m.Count < 0 || m.Length < 0 || !c.escaped(m.Path) {
			return false
		}
		c.text += len(m.Kind)
	}
	return true
}

// attributes checks keys and values, and that the keys are in order: a processor or the
// redactor may have changed some.
func (c *checker) attributes(kvs []attribute.KeyValue) bool {
	for i := range kvs {
		kv := &kvs[i]
		if i > 0 && !sorted.Less(kvs[i-1].Key, kv.Key) || !c.key(string(kv.Key)) {
			return false
		}
		if kv.Value.Type() == attribute.STRING {
			if text := kv.Value.AsString(); len(text) <= record.MaxSize && sanitize.Safe(text) {
				c.text += len(text) // the usual case
				continue
			}
		}
		if !c.value(&kv.Value, 0) {
			return false
		}
	}
	return true
}

func (c *checker) key(key string) bool {
	c.text += len(key)
	c.size += sizePair
	return len(key) <= record.MaxKeyLength && (sanitize.Safe(key) || sanitize.IsEscaped(key, sanitize.Line))
}

func (c *checker) value(v *attribute.Value, depth int) bool {
	switch v.Type() {
	case attribute.STRING:
		return c.prose(v.AsString())
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		c.size += sizeNumber
		return true
	default:
		return c.compound(v, depth)
	}
}

func (c *checker) compound(v *attribute.Value, depth int) bool {
	c.size += sizeNumber
	if depth >= record.MaxNesting && v.Type() != attribute.BYTESLICE {
		return false
	}
	switch v.Type() {
	case attribute.BYTESLICE:
		c.text += len(v.AsByteSlice())
	case attribute.BOOLSLICE:
		c.size += sizeNumber * len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		c.size += sizeNumber * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		c.size += sizeNumber * len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			c.size += sizeElement
			if !c.prose(s) {
				return false
			}
		}
	case attribute.SLICE:
		for _, e := range v.AsSlice() {
			if !c.value(&e, depth+1) {
				return false
			}
		}
	case attribute.MAP:
		kvs := v.AsMap()
		for i := range kvs {
			kv := &kvs[i]
			if i > 0 && kvs[i-1].Key == kv.Key || !c.key(string(kv.Key)) || !c.value(&kv.Value, depth+1) {
				return false
			}
		}
	}
	return true
}
