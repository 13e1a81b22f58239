package erasure

import (
	"errors"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Subject is whom or what values are about, such as a person: user/42. It is an identifier
// that stays in the key store, and in the event of its erasure. An ID that is personal data
// itself, such as an email address, cannot be erased: use a pseudonym.
type Subject struct {
	// Tenant is the tenant that the subject belongs to, or empty if its ID is unique among
	// all tenants.
	Tenant string `json:"tenant,omitempty"`
	// Type is the kind of subject: that of the actor or of the target. It has no slash.
	Type string `json:"type"`
	// ID identifies the subject among those of its type, and of its tenant.
	ID string `json:"id"`
}

var errSubject = errors.New("erasure: a subject is TYPE/ID, such as user/42, as the records have it")

// ParseSubject parses TYPE/ID, such as user/42. The type ends at the first slash.
func ParseSubject(text string) (Subject, error) {
	kind, id, ok := strings.Cut(text, "/")
	s := Subject{Type: kind, ID: id}
	if !ok || !s.Valid() {
		return Subject{}, errSubject
	}
	return s, nil
}

// String returns TYPE/ID, without the tenant.
func (s Subject) String() string { return s.Type + "/" + s.ID }

// Valid reports whether the subject has a type and an ID, as a record has them: plain text, not
// cut, and not redacted.
func (s Subject) Valid() bool {
	return s.Type != "" && !strings.Contains(s.Type, "/") && s.ID != "" &&
		isName(s.Tenant) && isName(s.Type) && isName(s.ID)
}

func isName(text string) bool {
	return len(text) <= record.MaxNameLength && sanitize.Plain(text) && !strings.Contains(text, record.RedactedText) &&
		!strings.Contains(text, record.ErasablePrefix)
}

// append appends the subject to bytes that are authenticated: three texts with their lengths.
func (s Subject) append(b []byte) []byte {
	for _, text := range []string{s.Tenant, s.Type, s.ID} {
		b = appendText(b, text)
	}
	return b
}

// SubjectFunc returns the subject of a field of a record, such as "metadata.email",
// "changes.email.old" or "actor.name". ok is false if it is not known; then the value is
// masked. A zero Subject leaves the value as it is, since it identifies the subject; ok is true
// then. The function must not change the record, and must not block. It may be called concurrently.
type SubjectFunc func(r *record.Record, field string) (s Subject, ok bool)

// Actor is the SubjectFunc that returns the actor of the event: user/42. Of the name of
// somebody on whose behalf the actor acts, it is that one. An actor that is anonymous or
// unresolved is no subject.
func Actor(r *record.Record, field string) (s Subject, ok bool) {
	a := &r.Actor
	rest := strings.TrimPrefix(field, "actor.")
	for rest != field && strings.HasPrefix(rest, delegate) && a.OnBehalfOf != nil {
		a, rest = a.OnBehalfOf, rest[len(delegate):]
	}
	if a.Type == audit.ActorAnonymous || a.Type == audit.ActorUnresolved {
		return Subject{}, false
	}
	return known(Subject{Type: a.Type.String(), ID: a.ID})
}

const delegate = "on_behalf_of."

// Target is the SubjectFunc that returns the target of the event: patient/7. Of the name of
// another target that the event covers, it is that one.
func Target(r *record.Record, field string) (s Subject, ok bool) {
	t := r.Target
	if rest, found := strings.CutPrefix(field, "covers["); found {
		i, err := strconv.Atoi(strings.TrimSuffix(rest, "].name"))
		if err != nil || i < 0 || i >= len(r.Covers) {
			return Subject{}, false
		}
		t = r.Covers[i]
	}
	return known(Subject{Type: t.Type, ID: t.ID})
}

// Metadata returns the SubjectFunc for subjects whose ID is metadata of the event, a text or an
// integer, such as that of a customer. The ID itself is not erasable, and must not be redacted.
func Metadata(kind, key string) SubjectFunc {
	return func(r *record.Record, field string) (Subject, bool) {
		if field == "metadata."+key || field == "overridden."+key {
			return Subject{}, true
		}
		for i := range r.Metadata {
			if string(r.Metadata[i].Key) == key {
				switch v := r.Metadata[i].Value; v.Type() {
				case attribute.STRING, attribute.INT64:
					return known(Subject{Type: kind, ID: v.String()})
				default:
				}
			}
		}
		return Subject{}, false
	}
}

// OfTenant returns the SubjectFunc for subjects whose IDs are unique in a tenant only. In an
// event without a tenant, there is no subject.
func OfTenant(f SubjectFunc) SubjectFunc {
	return func(r *record.Record, field string) (Subject, bool) {
		s, ok := f(r, field)
		if s == (Subject{}) {
			return s, ok
		}
		s.Tenant = r.Tenant
		if !ok || s.Tenant == "" {
			return Subject{}, false
		}
		return known(s)
	}
}

// known returns a subject if it is one. The IDs of events are escaped only after redaction.
func known(s Subject) (Subject, bool) {
	for _, text := range []*string{&s.Tenant, &s.Type, &s.ID} {
		escaped, cut := record.CutName(*text)
		if cut {
			return Subject{}, false
		}
		*text = escaped
	}
	return s, s.Valid()
}
