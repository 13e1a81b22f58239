package query

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// MarshalJSON returns the canonical JSON of the filter, as docs/query.md describes it: for
// addresses, manifests and files. Filters that differ only in the order of a list, or in
// elements that are repeated, have the same JSON. The filter must be valid, and its texts
// valid UTF-8; otherwise the error is a *FilterError.
func (f Filter) MarshalJSON() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	var w filterWriter
	b := w.filter(nil, &f)
	if at, reason := w.Failure(); reason != "" {
		return nil, &FilterError{fieldName(canonical.Path(string(b), at)), reason}
	}
	return b, nil
}

// fieldName returns the name of the field with a path, such as TraceIDs for trace_ids[1].
func fieldName(path string) string {
	member, _, _ := strings.Cut(path, "[")
	var name strings.Builder
	for word := range strings.SplitSeq(member, "_") {
		switch word {
		case "":
		case "ids":
			name.WriteString("IDs")
		default:
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String()
}

// UnmarshalJSON sets f to the filter in data. It accepts what MarshalJSON writes, in any
// layout and order. An unknown member is an error: a filter that is only half understood
// would select other records. On error f is unchanged.
func (f *Filter) UnmarshalJSON(data []byte) error {
	p := filterReader{Reader: canonical.NewReader(string(data))}
	var read Filter
	p.filter(&read)
	p.End()
	if at, reason := p.Failure(); reason != "" {
		return fmt.Errorf("query: the JSON of a filter, byte %d: %s: %s", at, cmp.Or(canonical.Path(string(data), at), "filter"), reason)
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*f = read
	return nil
}

// The members of the objects, in canonical order.
var (
	filterMembers = []canonical.Member{
		{Name: "actions"},
		{Name: "actor_types"},
		{Name: "actors"},
		{Name: "after"},
		{Name: "ascending"},
		{Name: "attempts"},
		{Name: "changed"},
		{Name: "channels"},
		{Name: "delegated"},
		{Name: "failure"},
		{Name: "ids"},
		{Name: "kinds"},
		{Name: "limit"},
		{Name: "metadata"},
		{Name: "not"},
		{Name: "on_behalf_of"},
		{Name: "operations"},
		{Name: "outcomes"},
		{Name: "reason"},
		{Name: "resource"},
		{Name: "sessions"},
		{Name: "since"},
		{Name: "stages"},
		{Name: "target_types"},
		{Name: "targets"},
		{Name: "tenants"},
		{Name: "text"},
		{Name: "trace_ids"},
		{Name: "until"},
	}
	identityMembers  = []canonical.Member{{Name: "id"}, {Name: "type"}}
	attributeMembers = []canonical.Member{{Name: "key", Required: true}, {Name: "value"}}
)

type filterWriter struct{ canonical.Writer }

func (w *filterWriter) filter(b []byte, f *Filter) []byte {
	start := len(b)
	b = append(b, '{')
	b = w.Texts(b, `"actions":`, inOrder(f.Actions))
	b = writeWords(w, b, `"actor_types":`, f.ActorTypes)
	b = w.actors(b, `"actors":`, f.Actors)
	b = w.Text(b, `"after":`, f.After)
	if f.Ascending {
		b = append(b, `"ascending":true,`...)
	}
	b = w.ids(b, `"attempts":`, f.Attempts)
	b = w.Texts(b, `"changed":`, inOrder(f.Changed))
	b = w.Texts(b, `"channels":`, inOrder(f.Channels))
	if f.Delegated {
		b = append(b, `"delegated":true,`...)
	}
	b = w.Text(b, `"failure":`, f.Failure)
	b = w.ids(b, `"ids":`, f.IDs)
	b = writeWords(w, b, `"kinds":`, f.Kinds)
	if f.Limit > 0 {
		b = w.Count(b, `"limit":`, int64(f.Limit))
	}
	b = w.attributes(b, `"metadata":`, f.Metadata)
	b = w.filters(b, `"not":`, f.Not)
	b = w.actors(b, `"on_behalf_of":`, f.OnBehalfOf)
	b = writeWords(w, b, `"operations":`, f.Operations)
	b = writeWords(w, b, `"outcomes":`, f.Outcomes)
	b = w.Text(b, `"reason":`, f.Reason)
	b = w.attributes(b, `"resource":`, f.Resource)
	b = w.Texts(b, `"sessions":`, inOrder(f.Sessions))
	if !f.Since.IsZero() {
		b = w.Time(append(b, `"since":`...), f.Since)
	}
	b = writeWords(w, b, `"stages":`, f.Stages)
	b = w.Texts(b, `"target_types":`, inOrder(f.TargetTypes))
	b = w.targets(b, `"targets":`, f.Targets)
	b = w.Texts(b, `"tenants":`, inOrder(f.Tenants))
	b = w.Text(b, `"text":`, f.Text)
	b = w.traceIDs(b, `"trace_ids":`, f.TraceIDs)
	if !f.Until.IsZero() {
		b = w.Time(append(b, `"until":`...), f.Until)
	}
	return closeWith(b, start+1, '}')
}

// inOrder returns the values sorted, each once.
func inOrder[T cmp.Ordered](values []T) []T {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}

// closeWith replaces the comma after the last element by the closing bracket. The first
// element began at start.
func closeWith(b []byte, start int, bracket byte) []byte {
	if len(b) == start {
		return append(b, bracket)
	}
	b[len(b)-1] = bracket
	return b
}

// list appends a member that is an array, unless it is empty. write appends an element and a
// comma. The elements are in the order of their JSON, each once.
func (w *filterWriter) list(b []byte, opening string, n int, write func(b []byte, i int) []byte) []byte {
	if n == 0 {
		return b
	}
	b = append(b, opening...)
	failed := w.Failed()
	elements := make([][]byte, n)
	for i := range elements {
		elements[i] = write(nil, i)
	}
	if _, reason := w.Failure(); reason != "" && !failed {
		w.Writer = canonical.Writer{} // it knows the place in the element only
		w.Fail(b, reason)
	}
	slices.SortFunc(elements, bytes.Compare)
	elements = slices.CompactFunc(elements, bytes.Equal)
	b = append(b, '[')
	start := len(b)
	b = append(b, bytes.Join(elements, nil)...)
	return append(closeWith(b, start, ']'), ',')
}

func writeWords[T canonical.Enum](w *filterWriter, b []byte, opening string, values []T) []byte {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, v.String())
	}
	return w.Texts(b, opening, inOrder(words))
}

func (w *filterWriter) ids(b []byte, opening string, ids []audit.ID) []byte {
	return w.list(b, opening, len(ids), func(b []byte, i int) []byte { return w.ID(b, `"`, ids[i]) })
}

func (w *filterWriter) traceIDs(b []byte, opening string, ids []trace.TraceID) []byte {
	return w.list(b, opening, len(ids), func(b []byte, i int) []byte { return append(append(append(b, '"'), ids[i].String()...), `",`...) })
}

func (w *filterWriter) actors(b []byte, opening string, actors []audit.Actor) []byte {
	return w.list(b, opening, len(actors), func(b []byte, i int) []byte {
		b = append(b, '{')
		b = w.Text(b, `"id":`, actors[i].ID)
		if actors[i].Type != audit.ActorNone {
			b = w.Word(b, `"type":`, actors[i].Type.String(), true)
		}
		return append(closeWith(b, 0, '}'), ',') // it has a member
	})
}

func (w *filterWriter) targets(b []byte, opening string, targets []audit.Target) []byte {
	return w.list(b, opening, len(targets), func(b []byte, i int) []byte {
		b = w.Text(append(b, '{'), `"id":`, targets[i].ID)
		b = w.Text(b, `"type":`, targets[i].Type)
		return append(closeWith(b, 0, '}'), ',')
	})
}

func (w *filterWriter) attributes(b []byte, opening string, kvs []attribute.KeyValue) []byte {
	return w.list(b, opening, len(kvs), func(b []byte, i int) []byte {
		b = w.String(append(b, `{"key":`...), string(kvs[i].Key), ',')
		if kvs[i].Value.Type() != attribute.EMPTY {
			b = w.Value(append(b, `"value":`...), &kvs[i].Value)
		}
		return append(closeWith(b, 0, '}'), ',')
	})
}

func (w *filterWriter) filters(b []byte, opening string, filters []Filter) []byte {
	return w.list(b, opening, len(filters), func(b []byte, i int) []byte { return append(w.filter(b, &filters[i]), ',') })
}

type filterReader struct {
	canonical.Reader
	depth int // of filters in Not
}

func (p *filterReader) filter(f *Filter) {
	seen := uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(filterMembers, &seen) {
		case "actions":
			f.Actions = p.Texts()
		case "actor_types":
			f.ActorTypes = readWords(p, audit.ActorUser)
		case "actors":
			f.Actors = readList(p, p.actor)
		case "after":
			f.After = p.Text()
		case "ascending":
			p.Peek()
			p.Literal("true")
			f.Ascending = true
		case "attempts":
			f.Attempts = readList(p, p.ID)
		case "changed":
			f.Changed = p.Texts()
		case "channels":
			f.Channels = p.Texts()
		case "delegated":
			p.Peek()
			p.Literal("true")
			f.Delegated = true
		case "failure":
			f.Failure = p.Text()
		case "ids":
			f.IDs = readList(p, p.ID)
		case "kinds":
			f.Kinds = readWords(p, audit.KindIntent)
		case "limit":
			start := p.Pos()
			f.Limit = int(p.Count())
			p.RequireFilled(start, f.Limit > 0)
		case "metadata":
			f.Metadata = readList(p, p.attribute)
		case "not":
			f.Not = p.filters()
		case "on_behalf_of":
			f.OnBehalfOf = readList(p, p.actor)
		case "operations":
			f.Operations = readWords(p, audit.OperationUnspecified)
		case "outcomes":
			f.Outcomes = readWords(p, audit.OutcomeUnknown)
		case "reason":
			f.Reason = p.Text()
		case "resource":
			f.Resource = readList(p, p.attribute)
		case "sessions":
			f.Sessions = p.Texts()
		case "since":
			f.Since = p.Time()
		case "stages":
			f.Stages = readWords(p, StageNone)
		case "target_types":
			f.TargetTypes = p.Texts()
		case "targets":
			f.Targets = readList(p, p.target)
		case "tenants":
			f.Tenants = p.Texts()
		case "text":
			f.Text = p.Text()
		case "trace_ids":
			f.TraceIDs = readList(p, p.traceID)
		case "until":
			f.Until = p.Time()
		}
	}
}

// readList reads an array that is not empty.
func readList[T any](p *filterReader, read func() T) []T {
	var values []T
	start := p.Pos()
	for more := p.Open('[', ']'); more; more = p.Next(']') {
		values = append(values, read())
	}
	p.RequireFilled(start, len(values) > 0)
	return values
}

func readWords[T canonical.Enum](p *filterReader, first T) []T {
	return readList(p, func() T { return canonical.Word(&p.Reader, first) })
}

func (p *filterReader) actor() (a audit.Actor) {
	seen := uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(identityMembers, &seen) {
		case "id":
			a.ID = p.Text()
		case "type":
			a.Type = canonical.Word(&p.Reader, audit.ActorUser)
		}
	}
	return a
}

func (p *filterReader) target() (t audit.Target) {
	seen := uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(identityMembers, &seen) {
		case "id":
			t.ID = p.Text()
		case "type":
			t.Type = p.Text()
		}
	}
	return t
}

func (p *filterReader) attribute() (kv attribute.KeyValue) {
	start, seen := p.Pos(), uint32(0)
	for more := p.Open('{', '}'); more; more = p.Next('}') {
		switch p.Member(attributeMembers, &seen) {
		case "key":
			kv.Key = attribute.Key(p.Text())
		case "value":
			kv.Value = p.Value()
		}
	}
	p.Complete(start, attributeMembers, seen)
	return kv
}

func (p *filterReader) traceID() trace.TraceID {
	start := p.Pos()
	var id trace.TraceID
	text := p.String()
	if n, err := hex.Decode(id[:], []byte(text)[:min(len(text), 2*len(id))]); err != nil || n != len(id) || id.String() != text || !id.IsValid() {
		p.Fail(start, "it must be 32 hexadecimal digits, lowercase and not all zero")
	}
	return id
}

// filters reads the filters of Not. They are not nested, and reading them neither.
func (p *filterReader) filters() []Filter {
	start := p.Pos()
	return readList(p, func() (f Filter) {
		if p.depth > 0 {
			p.Fail(start, "filters in not must not have it")
			return f
		}
		p.depth++
		p.filter(&f)
		p.depth--
		return f
	})
}
