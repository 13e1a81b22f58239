package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// contextPayload is what a token says.
type contextPayload struct {
	Actor           Actor
	Audience        string
	ID              ID
	Issued, Expires int64 // in seconds of Unix time
	Marked          []string
	Metadata        []attribute.KeyValue // sorted by key
	Overridden      []attribute.KeyValue // sorted by key
	Tenant          string
}

const (
	maxContextAudience = 256
	maxContextKey      = 256          // of a key of metadata, as in records
	maxUnix            = 253402300799 // the last second of the year 9999
	textNotPlain       = "it must be valid UTF-8 without control characters"
)

// clean makes valid UTF-8 of what may come from people, and marks it, so that what
// somebody typed is no reason to lose a job. Records are cleaned in the same places.
func (p *contextPayload) clean() {
	var marks []string
	for a := &p.Actor; a != nil; a = a.OnBehalfOf {
		if !utf8.ValidString(a.Name) {
			a.Name = validText(a.Name)
			marks = append(marks, "actor.name")
		}
	}
	for _, list := range [...]struct {
		name string
		kvs  *[]attribute.KeyValue
	}{{"metadata", &p.Metadata}, {"overridden", &p.Overridden}} {
		owned := false
		for i, kv := range *list.kvs {
			clean, changed := validValue(kv.Value, 0)
			if !changed {
				continue
			}
			if !owned { // it is shared with scopes
				*list.kvs, owned = slices.Clone(*list.kvs), true
			}
			(*list.kvs)[i].Value = clean
			marks = append(marks, list.name+"."+string(kv.Key))
		}
	}
	if len(marks) > 0 {
		p.Marked = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Marked, marks))))
	}
}

func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune { return r }, s) // an invalid byte comes as U+FFFD
}

// validValue makes the texts in v valid UTF-8. Keys in it stay as they are.
func validValue(v attribute.Value, depth int) (valid attribute.Value, changed bool) {
	if depth > maxContextNesting {
		return v, false // it is refused for that
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
			var ch bool
			values[i], ch = validValue(values[i], depth+1)
			changed = changed || ch
		}
		return attribute.SliceValue(values...), changed
	case attribute.MAP:
		kvs := v.AsMap()
		for i := range kvs {
			var ch bool
			kvs[i].Value, ch = validValue(kvs[i].Value, depth+1)
			changed = changed || ch
		}
		return attribute.MapValue(kvs...), changed
	}
	return v, false
}

// check refuses what must not be sent, and what nobody should have signed.
func (p *contextPayload) check() error {
	invalid := func(field, reason string) error { return &ValidationError{Field: field, Reason: reason} }
	switch {
	case p.Audience == "" || len(p.Audience) > maxContextAudience || !isPlain(p.Audience):
		return invalid("audience", "it must have 1 to "+strconv.Itoa(maxContextAudience)+" bytes; "+textNotPlain)
	case p.ID.IsZero():
		return invalid("id", "it is missing")
	case p.Issued < 0 || p.Expires <= p.Issued || p.Expires > maxUnix:
		return invalid("ttl", "it must be positive and end before the year 10000")
	case !isPlain(p.Tenant):
		return invalid("tenant", textNotPlain)
	}
	path := "actor."
	behind := 0
	for a := &p.Actor; a != nil; a = a.OnBehalfOf {
		if behind > MaxDelegation {
			return invalid("actor.on_behalf_of", "the chain is longer than "+strconv.Itoa(MaxDelegation)+", or circular")
		}
		if field, reason := a.wrong(); field != "" {
			return invalid(path+field, reason)
		}
		behind++
		path += "on_behalf_of."
	}
	return nil
}

// wrong says which field of the actor cannot be in a record, and why.
func (a *Actor) wrong() (field, reason string) {
	switch a.Type {
	case ActorUser, ActorService, ActorSystem:
		if a.ID == "" {
			return "id", "it is missing; a " + a.Type.String() + " has one"
		}
	case ActorAnonymous:
		if a.ID != "" {
			return "id", "an anonymous actor has none"
		}
	case ActorNone, ActorUnresolved:
		return "type", "it must be stated; only a signal may be unresolved"
	default:
		return "type", "unknown value " + a.Type.String()
	}
	switch {
	case !isPlain(a.ID):
		return "id", textNotPlain
	case !isPlain(a.AuthMethod):
		return "auth_method", textNotPlain
	case a.fingerprinted && !isFingerprint(a.SessionID):
		return "session_id", "it must be a fingerprint"
	case slices.ContainsFunc(a.Roles, func(role string) bool { return !isPlain(role) }):
		return "roles", textNotPlain
	}
	return "", ""
}

// encode returns the one text of a payload: canonical JSON (RFC 8785).
func (p *contextPayload) encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	w := contextWriter{b: make([]byte, 0, 1024)}
	w.b = append(w.b, '{')
	w.name("actor")
	w.actor(&p.Actor)
	w.b = append(w.b, ',')
	w.text("audience", p.Audience)
	w.number("expires", p.Expires)
	w.text("id", p.ID.String())
	w.number("issued", p.Issued)
	w.texts("marked", p.Marked)
	w.attributes("metadata", p.Metadata)
	w.attributes("overridden", p.Overridden)
	w.text("tenant", p.Tenant)
	w.end()
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}

var errContextPayload = errors.New("it is no payload of a context token")

// decodeContextPayload takes what encode returns, and nothing else. The decoder
// need not be strict, because what it has understood must make the same text again:
// that leaves no room for members that are unknown or stated twice.
func decodeContextPayload(text []byte) (*contextPayload, error) {
	var wire struct {
		Actor      *wireActor     `json:"actor"`
		Audience   string         `json:"audience"`
		Expires    int64          `json:"expires"`
		ID         ID             `json:"id"`
		Issued     int64          `json:"issued"`
		Marked     []string       `json:"marked"`
		Metadata   map[string]any `json:"metadata"`
		Overridden map[string]any `json:"overridden"`
		Tenant     string         `json:"tenant"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&wire); err != nil || wire.Actor == nil {
		return nil, errContextPayload
	}
	p := &contextPayload{
		Audience: wire.Audience, ID: wire.ID, Issued: wire.Issued, Expires: wire.Expires,
		Marked: wire.Marked, Tenant: wire.Tenant,
	}
	var ok [3]bool
	p.Actor, ok[0] = wire.Actor.actor()
	p.Metadata, ok[1] = readAttributes(wire.Metadata)
	p.Overridden, ok[2] = readAttributes(wire.Overridden)
	if ok != [3]bool{true, true, true} {
		return nil, errContextPayload
	}
	again, err := p.encode()
	if err != nil || !bytes.Equal(text, again) {
		return nil, errContextPayload
	}
	return p, nil
}

// wireActor is an actor as JSON.
type wireActor struct {
	AuthMethod string     `json:"auth_method"`
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	OnBehalfOf *wireActor `json:"on_behalf_of"`
	Roles      []string   `json:"roles"`
	SessionID  string     `json:"session_id"`
	Type       string     `json:"type"`
}

func (w *wireActor) actor() (a Actor, ok bool) {
	at := slices.Index(actorTypeWords[:], w.Type)
	if at < 0 {
		return a, false
	}
	a = Actor{
		Type: ActorType(at), ID: w.ID, Name: w.Name, AuthMethod: w.AuthMethod, Roles: w.Roles,
		SessionID: w.SessionID, fingerprinted: w.SessionID != "",
	}
	if w.OnBehalfOf != nil {
		behind, ok := w.OnBehalfOf.actor()
		a.OnBehalfOf = &behind
		return a, ok
	}
	return a, true
}
