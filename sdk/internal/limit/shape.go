package limit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// shaper makes a copy of a record in which everything is escaped and no longer than the
// plan says, or only measures it.
type shaper struct {
	plan      plan
	measuring bool
	marks     marker
	client    map[string]bool // paths of metadata that a client sent
	redacted  []string        // Record.Redacted
	erasable  map[string]bool // those of its paths that erasable values need

	texts []int // bytes of JSON of each text that can be shortened
	fixed int   // bytes of JSON of everything else
}

// shape returns a copy that follows the plan.
func shape(r *record.Record, p plan) *record.Record {
	s := shaper{plan: p}
	return s.record(r)
}

// measure returns a shaper that has measured what shape would return.
func measure(r *record.Record, p plan) *shaper {
	s := &shaper{plan: p, measuring: true}
	s.record(r)
	return s
}

func (s *shaper) record(r *record.Record) *record.Record {
	s.fixed += bareSize(r)
	c := *r
	kept := s.known(r.Marks)
	s.redacted = r.Redacted
	s.actor(member("actor"), &c.Actor, &r.Actor)
	c.Target = s.target(member("target"), r.Target)
	c.Reason = s.text(member("reason"), r.Reason, prose(firstWords))
	c.Failure = s.text(member("failure"), r.Failure, prose(firstWords))
	c.Tenant = s.text(member("tenant"), r.Tenant, identity)
	c.Channel = s.text(member("channel"), r.Channel, identity)
	c.Tracker = record.Instrumentation{Name: Name(r.Tracker.Name), Version: Name(r.Tracker.Version)}
	s.fixed += sanitize.Width(c.Tracker.Name+c.Tracker.Version, sanitize.Prose, record.MaxSize)
	bulk := member("bulk")
	c.Bulk.Selector = s.text(bulk.member("selector"), r.Bulk.Selector, prose(shortText))
	c.Bulk.Sample = s.list(bulk.member("sample"), r.Bulk.Sample, identity)
	covers := member("covers")
	c.Covers = nil
	for i, t := range first(s, covers, r.Covers, 0) {
		c.Covers = append(c.Covers, s.target(covers.element(i), t))
	}
	c.Changes = s.changes(r.Changes)
	c.Metadata = s.attributes("metadata", r.Metadata)
	c.Overridden = s.attributes("overridden", r.Overridden)
	c.Redacted = s.paths(member("redacted"), r.Redacted)
	if !s.measuring {
		c.Marks = s.marks.merge(kept)
	}
	return &c
}

// known returns the marks that the record has already, and notes what a client sent.
func (s *shaper) known(marks []mark.Mark) []mark.Mark {
	var kept []mark.Mark
	at := member("marks")
	for _, m := range marks {
		if m.Kind == mark.Client {
			if s.client == nil {
				s.client = map[string]bool{}
			}
			s.client[m.Path] = true
			continue
		}
		if !record.ValidMarkKind(m.Kind) {
			m.Kind = mark.Replaced // a processor has made it
		}
		m.Count, m.Length = max(m.Count, 0), max(m.Length, 0)
		m.Path = escaped(m.Path, maxPath)
		kept = append(kept, m)
	}
	kept = first(s, at, kept, sizeMark)
	for _, m := range kept {
		s.fixed += sanitize.Width(m.Path, sanitize.Prose, 2*maxPath)
	}
	return kept
}

// paths returns paths as they are recorded. Those of this SDK are escaped already. What says that
// a value is erasable is never left out.
func (s *shaper) paths(at *place, paths []string) []string {
	var needed, others, kept []string
	for _, p := range paths {
		if s.erasable[p] {
			needed = append(needed, p)
		} else {
			others = append(others, p)
		}
	}
	others = first(s, at, others, sizeElement)
	s.fixed += len(needed) * sizeElement
	for _, p := range slices.Sorted(slices.Values(slices.Concat(needed, others))) {
		kept = append(kept, escaped(p, maxPath))
		s.fixed += sanitize.Width(p, sanitize.Prose, 2*maxPath)
	}
	return kept
}

// The sizes of JSON without texts and numbers.
const (
	sizeActor   = len(`{"auth_method":"","id":"","name":"","on_behalf_of":,"roles":[],"session_id":"","type":"unresolved"},`)
	sizeTarget  = len(`{"id":"","name":"","type":""},`)
	sizeChange  = len(`{"field":"","new":,"old":,"redacted":true},`)
	sizeMark    = len(`{"count":,"length":,"mark":"","path":"","sha256":""},`) + 2*16 + 32 + 64
	sizePair    = len(`"":,`)
	sizeElement = len(`"",`)
	// sizeNames has the names of the members of a record.
	sizeNames = 512
)

// bareSize returns the size of what is never changed.
func bareSize(r *record.Record) int {
	bare := record.Record{
		Event: audit.Event{
			ID: r.ID, Time: r.Time, Kind: r.Kind, Action: r.Action, Operation: r.Operation, Outcome: r.Outcome,
			Attempt: r.Attempt, Actor: audit.Actor{Type: r.Actor.Type},
		},
		ObservedTime: r.ObservedTime, Resource: r.Resource, TraceID: r.TraceID, SpanID: r.SpanID,
	}
	return jsonSize(&bare) + sizeNames
}

// textRule says how a text may be changed.
type textRule struct {
	form     sanitize.Form
	max      int // bytes
	floor    int // bytes of JSON that are always kept
	flexible bool
}

var (
	// identity is for texts that say who and what. They are never shorter than their limit.
	identity = textRule{form: sanitize.Line, max: record.MaxNameLength}
	// name is for other texts of one line.
	name = textRule{form: sanitize.Line, max: record.MaxNameLength, floor: shortText, flexible: true}
)

// prose is for texts that may have several lines.
func prose(floor int) textRule {
	return textRule{form: sanitize.Prose, max: record.MaxSize, floor: floor, flexible: true}
}

// text returns the text as it is recorded.
func (s *shaper) text(at *place, text string, rule textRule) string {
	if rule.flexible && s.isErasable(at, text) {
		if s.measuring {
			s.fixed += len(text)
		}
		return text
	}
	if s.measuring {
		s.measure(text, rule)
		return text
	}
	limit := 2 * rule.max
	if rule.flexible {
		limit = max(s.plan.text, rule.floor)
	}
	if len(text) <= min(limit, rule.max)/2 && sanitize.IsEscaped(text, rule.form) {
		return text
	}
	kept, n := sanitize.EscapePrefix(text, rule.form, rule.max, limit)
	if n < len(text) {
		s.marks.add(at, mark.Mark{Kind: mark.Cut, Length: int64(len(text)), SHA256: sha256.Sum256([]byte(text))})
	}
	if kept != text[:n] {
		s.marks.add(at, mark.Mark{Kind: mark.Escaped})
	}
	return kept
}

// isErasable reports whether a text is an erasable value, of which a part could not be read.
func (s *shaper) isErasable(at *place, text string) bool {
	if !record.IsErasable(text) {
		return false
	}
	path := at.redactedPath()
	if _, found := slices.BinarySearch(s.redacted, path); !found {
		return false
	}
	if s.erasable == nil {
		s.erasable = map[string]bool{}
	}
	s.erasable[path] = true
	return true
}

func (s *shaper) measure(text string, rule textRule) {
	width := sanitize.Width(text, rule.form, record.MaxSize)
	if rule.max < record.MaxSize && width > rule.max {
		width = min(width, 2*rule.max)
	}
	switch {
	case !rule.flexible:
		s.fixed += width
	case rule.floor > shortText: // what is always kept is no part of what is shared
		s.fixed += min(width, rule.floor)
		s.texts = append(s.texts, width-min(width, rule.floor))
	default:
		s.texts = append(s.texts, width)
	}
}

// first returns the first elements of a list, as many as the plan allows. size is that of
// the JSON of an element, without texts and numbers.
func first[T any](s *shaper, at *place, list []T, size int) []T {
	n := min(len(list), s.plan.elements)
	if n < len(list) && !s.measuring {
		s.marks.drop(at, len(list)-n)
	}
	s.fixed += n * size
	return list[:n]
}

func (s *shaper) list(at *place, list []string, rule textRule) []string {
	var kept []string
	for i, text := range first(s, at, list, sizeElement) {
		kept = append(kept, s.text(at.element(i), text, rule))
	}
	return kept
}

// actor copies an actor and those on whose behalf it acts.
func (s *shaper) actor(at *place, to, from *audit.Actor) {
	s.fixed += sizeActor
	*to = *from
	to.ID = s.text(at.member("id"), from.ID, identity)
	to.Name = s.text(at.member("name"), from.Name, name)
	to.AuthMethod = s.text(at.member("auth_method"), from.AuthMethod, name)
	to.SessionID = s.text(at.member("session_id"), from.SessionID, name)
	to.Roles = s.list(at.member("roles"), from.Roles, name)
	if from.OnBehalfOf != nil {
		to.OnBehalfOf = new(audit.Actor)
		s.actor(at.member("on_behalf_of"), to.OnBehalfOf, from.OnBehalfOf)
	}
}

func (s *shaper) target(at *place, t audit.Target) audit.Target {
	s.fixed += sizeTarget
	return audit.Target{
		Type: s.text(at.member("type"), t.Type, identity),
		ID:   s.text(at.member("id"), t.ID, identity),
		Name: s.text(at.member("name"), t.Name, name),
	}
}

func (s *shaper) changes(changes []audit.Change) []audit.Change {
	at := member("changes")
	var kept []audit.Change
	for _, c := range first(s, at, changes, sizeChange) {
		value := at.key(c.Field)
		c.Field = s.key(at.member("field"), c.Field, record.MaxNameLength)
		c.Old = s.value(value, c.Old, 0, record.MaxSize)
		c.New = s.value(value, c.New, 0, record.MaxSize)
		kept = append(kept, c)
	}
	return kept
}

func (s *shaper) attributes(name string, kvs []attribute.KeyValue) []attribute.KeyValue {
	at := member(name)
	kvs = first(s, at, s.unique(at, kvs), sizePair)
	kept := make([]attribute.KeyValue, len(kvs), len(kvs)+1)
	for i, kv := range kvs {
		key := s.key(at.key(string(kv.Key)), string(kv.Key), record.MaxKeyLength)
		value := at.key(string(kv.Key))
		longest := record.MaxSize
		if s.client[name+"."+string(kv.Key)] {
			longest = record.MaxClientText
		}
		kept[i] = attribute.KeyValue{Key: attribute.Key(key), Value: s.value(value, kv.Value, 0, longest)}
	}
	return s.unique(at, kept) // escapes have another order
}

func sortKeys(kvs []attribute.KeyValue) {
	slices.SortStableFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
}

// unique returns kvs sorted by key, each once. Of a key that is repeated the last value
// counts.
func (s *shaper) unique(at *place, kvs []attribute.KeyValue) []attribute.KeyValue {
	if slices.IsSortedFunc(kvs, func(a, b attribute.KeyValue) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), -1) // equal keys are not sorted
	}) {
		return kvs
	}
	kvs = slices.Clone(kvs)
	sortKeys(kvs)
	n := 0
	for i, kv := range kvs {
		if i > 0 && kv.Key == kvs[n-1].Key {
			kvs[n-1] = kv
			if !s.measuring {
				s.marks.add(at.key(string(kv.Key)), mark.Mark{Kind: mark.Repeated})
			}
			continue
		}
		kvs[n] = kv
		n++
	}
	return kvs[:n]
}

// key returns a key, or the field of a change, as it is recorded. One that is too long keeps
// its beginning, and gets a part of its hash, so that different keys stay different.
func (s *shaper) key(at *place, key string, longest int) string {
	const digits = 16
	kept, n := sanitize.EscapePrefix(key, sanitize.Line, longest, 2*longest)
	if n < len(key) {
		sum := sha256.Sum256([]byte(key))
		kept, n = sanitize.EscapePrefix(key, sanitize.Line, longest-len("~")-digits, 2*longest)
		kept += "~" + hex.EncodeToString(sum[:digits/2])
		if !s.measuring {
			s.marks.add(at, mark.Mark{Kind: mark.Cut, Length: int64(len(key)), SHA256: sum})
		}
	}
	if !s.measuring && !strings.HasPrefix(kept, key[:n]) {
		s.marks.add(at, mark.Mark{Kind: mark.Escaped})
	}
	s.fixed += sanitize.Width(kept, sanitize.Prose, 4*record.MaxNameLength)
	return kept
}

// value returns a value inside depth slices and maps. No text in it is longer than longest.
func (s *shaper) value(at *place, v attribute.Value, depth, longest int) attribute.Value {
	rule := prose(shortText)
	rule.max = longest
	switch v.Type() {
	case attribute.STRING:
		return s.stringValue(at, v, rule)
	case attribute.BOOL, attribute.EMPTY:
		s.fixed += len("false")
		return v
	case attribute.INT64:
		s.fixed += widthInt(v.AsInt64())
		return v
	case attribute.FLOAT64:
		s.fixed += widthFloat(v.AsFloat64())
		return v
	case attribute.BYTESLICE:
		return s.bytes(at, v)
	default:
		s.fixed += len(`{"$a":[]}`)
		if depth >= s.plan.depth {
			if !s.measuring {
				s.marks.add(at, mark.Mark{Kind: mark.Replaced})
			}
			s.fixed += shortText
			return nestedTooDeeply(v)
		}
		return s.compound(at, v, depth, longest)
	}
}

func (s *shaper) stringValue(at *place, v attribute.Value, rule textRule) attribute.Value {
	text := v.AsString()
	kept := s.text(at, text, rule)
	if len(kept) == len(text) { // an escape is longer than what it stands for
		return v
	}
	return attribute.StringValue(kept)
}

// bytes shortens bytes, whose JSON has four bytes for three.
func (s *shaper) bytes(at *place, v attribute.Value) attribute.Value {
	b := v.AsByteSlice()
	s.fixed += len(`{"$b":""}`) + len("==")
	if s.measuring {
		s.texts = append(s.texts, len(b)*4/3)
		return v
	}
	n := max(s.plan.text, shortText) * 3 / 4
	if len(b) <= n {
		return v
	}
	s.marks.add(at, mark.Mark{Kind: mark.Cut, Length: int64(len(b)), SHA256: sha256.Sum256(b)})
	return attribute.ByteSliceValue(b[:n])
}

func (s *shaper) compound(at *place, v attribute.Value, depth, longest int) attribute.Value {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return attribute.BoolSliceValue(first(s, at, v.AsBoolSlice(), len("false,")))
	case attribute.INT64SLICE:
		list := first(s, at, v.AsInt64Slice(), 1)
		for _, n := range list {
			s.fixed += widthInt(n)
		}
		return attribute.Int64SliceValue(list)
	case attribute.FLOAT64SLICE:
		list := first(s, at, v.AsFloat64Slice(), 1)
		for _, f := range list {
			s.fixed += widthFloat(f)
		}
		return attribute.Float64SliceValue(list)
	case attribute.STRINGSLICE:
		rule := prose(shortText)
		rule.max = longest
		list := first(s, at, v.AsStringSlice(), sizeElement)
		for i, text := range list {
			list[i] = s.text(at.element(i), text, rule)
		}
		if s.measuring {
			return v
		}
		return attribute.StringSliceValue(list)
	case attribute.SLICE:
		list := first(s, at, v.AsSlice(), 1)
		for i, e := range list {
			list[i] = s.value(at.element(i), e, depth+1, longest)
		}
		if s.measuring {
			return v
		}
		return attribute.SliceValue(list...)
	default:
		kvs := first(s, at, s.unique(at, v.AsMap()), sizePair)
		for i, kv := range kvs {
			value := at.key(string(kv.Key))
			key := s.key(value, string(kv.Key), record.MaxKeyLength)
			kvs[i] = attribute.KeyValue{Key: attribute.Key(key), Value: s.value(value, kv.Value, depth+1, longest)}
		}
		if s.measuring {
			return v
		}
		return attribute.MapValue(s.unique(at, kvs)...)
	}
}

func widthInt(n int64) int {
	var room [20]byte
	width := len(strconv.AppendInt(room[:0], n, 10))
	if n > record.MaxCount || n < -record.MaxCount {
		width += len(`{"$i":""}`)
	}
	return width
}

func widthFloat(f float64) int {
	var room [32]byte
	return len(strconv.AppendFloat(room[:0], f, 'g', -1, 64)) + len(`{"$f":""}`)
}
