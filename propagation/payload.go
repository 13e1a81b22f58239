package propagation

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/fingerprint"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// payload is the content of a token.
type payload struct {
	Actor           audit.Actor // its session IDs are fingerprints
	Audience        string
	ID              audit.ID
	Issued, Expires int64 // in seconds of Unix time
	Marks           []mark.Mark
	Metadata        []attribute.KeyValue // sorted by key
	Overridden      []attribute.KeyValue // sorted by key
	Tenant          string
}

const (
	maxAudience = 256
	notPlain    = "it must be valid UTF-8 without control characters"
)

// check returns an error for a payload that must not be sent or accepted.
func (p *payload) check() error {
	switch {
	case p.Audience == "" || len(p.Audience) > maxAudience || !sanitize.Plain(p.Audience):
		return invalid("audience", "it must have 1 to "+strconv.Itoa(maxAudience)+" bytes; "+notPlain)
	case p.ID.IsZero():
		return invalid("id", "it is missing")
	case p.Issued < 0 || p.Expires <= p.Issued || !record.ValidTime(time.Unix(p.Expires, 0)):
		return invalid("ttl", "it must be positive and end before the year 10000")
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
	return nil
}

func invalid(field, reason string) error {
	return &audit.ValidationError{Field: field, Reason: reason}
}

// encode returns the payload as canonical JSON (RFC 8785): equal payloads have equal
// texts. Texts are escaped, because a context has whatever a client sent.
func (p *payload) encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p = p.convert(sanitize.Escape)
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
	p = p.convert(func(text string, _ sanitize.Form) string { return sanitize.Unescape(text) })
	again, err := p.encode()
	if err != nil || !bytes.Equal(text, again) {
		return nil, errPayload
	}
	return p, nil
}
