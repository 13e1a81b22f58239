package propagation

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/fingerprint"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// payload is the content of a token.
type payload struct {
	Actor           audit.Actor // its session IDs are fingerprints
	Audience        string
	ID              audit.ID
	Issued, Expires int64 // in seconds of Unix time
	Marks           []audit.Mark
	Metadata        []attribute.KeyValue // sorted by key
	Overridden      []attribute.KeyValue // sorted by key
	Tenant          string
}

const (
	maxAudience = 256
	notPlain    = "it must be valid UTF-8 without control characters"
)

// clean replaces invalid UTF-8 in names and values and marks them, so that text that a
// person typed cannot lose a job. Validation cleans the same places of records.
func (p *payload) clean() {
	var r record.Record // collects the marks
	r.Marks = p.Marks
	mark := func(path string) { r.AddMark(record.Mark{Path: path, Kind: record.MarkEscaped}) }
	for a := &p.Actor; a != nil; a = a.OnBehalfOf {
		if !utf8.ValidString(a.Name) {
			a.Name = validText(a.Name)
			mark("actor.name")
		}
	}
	for _, list := range [...]struct {
		name string
		kvs  *[]attribute.KeyValue
	}{{"metadata", &p.Metadata}, {"overridden", &p.Overridden}} {
		owned := false
		for i, kv := range *list.kvs {
			valid, changed := validValue(kv.Value, 0)
			if !changed {
				continue
			}
			if !owned { // it is shared with scopes
				*list.kvs, owned = slices.Clone(*list.kvs), true
			}
			(*list.kvs)[i].Value = valid
			mark(list.name + "." + string(kv.Key))
		}
	}
	p.Marks = r.Marks
}

// validText replaces each invalid byte with U+FFFD.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return sanitize.Replace(s, func(rune) bool { return false })
}

// validValue makes the texts in v valid UTF-8. It does not change keys.
func validValue(v attribute.Value, depth int) (valid attribute.Value, changed bool) {
	if depth > record.MaxEncodedNesting {
		return v, false // encode rejects it
	}
	switch v.Type() {
	case attribute.STRING:
		text := validText(v.AsString())
		return attribute.StringValue(text), text != v.AsString()
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i, text := range texts {
			texts[i] = validText(text)
			changed = changed || texts[i] != text
		}
		return attribute.StringSliceValue(texts), changed
	case attribute.SLICE:
		values := v.AsSlice()
		for i := range values {
			var c bool
			values[i], c = validValue(values[i], depth+1)
			changed = changed || c
		}
		return attribute.SliceValue(values...), changed
	case attribute.MAP:
		kvs := v.AsMap()
		for i := range kvs {
			var c bool
			kvs[i].Value, c = validValue(kvs[i].Value, depth+1)
			changed = changed || c
		}
		return attribute.MapValue(kvs...), changed
	}
	return v, false
}

// check returns an error for a payload that must not be sent or accepted.
func (p *payload) check() error {
	switch {
	case p.Audience == "" || len(p.Audience) > maxAudience || !sanitize.Plain(p.Audience):
		return invalid("audience", "it must have 1 to "+strconv.Itoa(maxAudience)+" bytes; "+notPlain)
	case p.ID.IsZero():
		return invalid("id", "it is missing")
	case p.Issued < 0 || p.Expires <= p.Issued || !record.ValidTime(time.Unix(p.Expires, 0)):
		return invalid("ttl", "it must be positive and end before the year 10000")
	case !sanitize.Plain(p.Tenant):
		return invalid("tenant", notPlain)
	}
	if err := record.CheckActor(&p.Actor, audit.KindIntent); err != nil {
		return err
	}
	depth := 0
	for a := &p.Actor; a != nil; a = a.OnBehalfOf {
		if a.SessionID != "" && !fingerprint.Valid(a.SessionID) {
			return invalid(sanitize.ActorPath(depth, "session_id"), "it must be a fingerprint")
		}
		depth++
	}
	if err := checkKeys("metadata", p.Metadata, 0); err != nil {
		return err
	}
	return checkKeys("overridden", p.Overridden, 0)
}

// checkKeys checks the keys of attributes and of the maps in them.
func checkKeys(path string, kvs []attribute.KeyValue, depth int) error {
	for _, kv := range kvs {
		if !record.ValidKey(string(kv.Key)) {
			return invalid(sanitize.FieldPath(path, string(kv.Key)),
				"its key must have 1 to "+strconv.Itoa(record.MaxKeyLength)+" bytes; "+notPlain)
		}
		switch kv.Value.Type() {
		case attribute.SLICE, attribute.MAP:
			if err := checkKeysIn(sanitize.FieldPath(path, string(kv.Key)), kv.Value, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKeysIn checks the keys of the maps in a value inside depth slices and maps.
func checkKeysIn(path string, v attribute.Value, depth int) error {
	if depth > record.MaxEncodedNesting {
		return nil // encode rejects it
	}
	switch v.Type() {
	case attribute.SLICE:
		for i, e := range v.AsSlice() {
			if err := checkKeysIn(path+"["+strconv.Itoa(i)+"]", e, depth+1); err != nil {
				return err
			}
		}
	case attribute.MAP:
		return checkKeys(path, v.AsMap(), depth+1)
	}
	return nil
}

func invalid(field, reason string) error {
	return &audit.ValidationError{Field: field, Reason: reason}
}

// encode returns the payload as canonical JSON (RFC 8785): equal payloads have equal
// texts.
func (p *payload) encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var w canonical.Writer
	b := append(make([]byte, 0, 1024), `{"actor":`...)
	b = w.Actor(b, &p.Actor)
	b = w.Text(b, `"audience":`, p.Audience)
	b = w.Count(b, `"expires":`, p.Expires)
	b = w.ID(b, `"id":"`, p.ID)
	b = w.Count(b, `"issued":`, p.Issued)
	b = w.Marks(b, `"marks":`, p.Marks)
	b = w.Attributes(b, `"metadata":`, p.Metadata)
	b = w.Attributes(b, `"overridden":`, p.Overridden)
	b = w.Text(b, `"tenant":`, p.Tenant)
	b[len(b)-1] = '}'
	if at, reason := w.Failure(); reason != "" {
		return nil, invalid(canonical.Path(string(b), at), reason)
	}
	return b, nil
}

// payloadMembers has all members, in canonical order.
var payloadMembers = []canonical.Member{
	{Name: "actor", Required: true},
	{Name: "audience", Required: true},
	{Name: "expires", Required: true},
	{Name: "id", Required: true},
	{Name: "issued", Required: true},
	{Name: "marks"},
	{Name: "metadata"},
	{Name: "overridden"},
	{Name: "tenant"},
}

var errPayload = errors.New("the payload is not canonical or not valid")

// decode returns the payload with the text. It accepts only texts that encode returns:
// the Reader accepts other layouts, so decode encodes the result again and compares.
func decode(text []byte) (*payload, error) {
	r := canonical.NewReader(string(text))
	p := new(payload)
	start, seen := r.Pos(), uint32(0)
	for more := r.Open('{', '}'); more; more = r.Next('}') {
		switch r.Member(payloadMembers, &seen) {
		case "actor":
			r.Actor(&p.Actor)
		case "audience":
			p.Audience = r.Text()
		case "expires":
			p.Expires = r.Count()
		case "id":
			p.ID = r.ID()
		case "issued":
			p.Issued = r.Count()
		case "marks":
			p.Marks = r.Marks()
		case "metadata":
			p.Metadata = r.Attributes()
		case "overridden":
			p.Overridden = r.Attributes()
		case "tenant":
			p.Tenant = r.Text()
		}
	}
	r.Complete(start, payloadMembers, seen)
	r.End()
	if r.Failed() {
		return nil, errPayload
	}
	again, err := p.encode()
	if err != nil || !bytes.Equal(text, again) {
		return nil, errPayload
	}
	return p, nil
}
