package redact

import (
	"errors"
	"slices"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Sealer makes values erasable: see Erasable. Package erasure has one.
type Sealer interface {
	// Seal returns the text that is recorded instead of the value of a field of r, for which
	// record.IsErasable holds. The field is a path such as "metadata.customer.email",
	// "changes.email.old" or "actor.name", with keys as they are before they are escaped. If the
	// text is empty, the value is masked. If the kind of the mark is not empty, the record gets
	// the mark, at the path of the value.
	//
	// If keep is true, the value is recorded as it is: it identifies the subject.
	//
	// Seal must not change r, must not retain it, and must return soon: Track waits for it.
	// It is called concurrently.
	Seal(r *record.Record, field string, v attribute.Value) (text string, keep bool, m mark.Mark)
}

// Erasable replaces a value by a commitment to it and the value itself, encrypted under a
// key of its subject, such as a person. Once that key is destroyed, nobody can read the
// value any more, in any copy of the record, and each proof of the record still holds. A
// value without a subject is masked. docs/erasure.md describes it.
//
// It is for WithKeyStrategy and WithFieldStrategy. Secrets are masked as they always are:
// the value of a key that names one, and what looks like one within the value.
func Erasable(s Sealer) Strategy {
	if s == nil {
		return Strategy{err: errors.New("Erasable: the sealer is nil")}
	}
	return Strategy{sealer: s}
}

// erasableText is an expression for erasable values.
const erasableText = record.ErasablePrefix + "[A-Za-z0-9_-]{22}:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+"

var errOnlyWhole = errors.New("Erasable: it is for WithKeyStrategy and WithFieldStrategy, since only a whole value can be erasable")

// The fields of WithFieldStrategy.
const (
	fieldActorName  = "actor.name"
	fieldTargetName = "target.name"
	fieldCoversName = "covers.name"
	fieldReason     = "reason"
	fieldFailure    = "failure"
)

var strategyFields = []string{fieldActorName, fieldTargetName, fieldCoversName, fieldReason, fieldFailure}

// WithFieldStrategy redacts a whole field that is no metadata: "actor.name", also of those on
// whose behalf the actor acts, "target.name", "covers.name", "reason" or "failure". What looks
// like a secret in it is masked before that.
func WithFieldStrategy(field string, s Strategy) Option {
	return func(c *redactionConfig) {
		if !slices.Contains(strategyFields, field) {
			c.errs = append(c.errs, errors.New("WithFieldStrategy: the field must be actor.name, target.name, covers.name, reason or failure"))
			return
		}
		if c.byField == nil {
			c.byField = map[string]*Strategy{}
		}
		c.byField[field] = &s
	}
}

// fields applies the strategies of whole fields.
func (d *Redactor) fields(r *record.Record) {
	for a, depth := &r.Actor, 0; a != nil; a, depth = a.OnBehalfOf, depth+1 {
		d.field(r, fieldActorName, &a.Name, func() string { return sanitize.ActorPath(depth, "name") })
	}
	d.field(r, fieldTargetName, &r.Target.Name, nil)
	for i := range r.Covers {
		d.field(r, fieldCoversName, &r.Covers[i].Name, func() string { return "covers[" + strconv.Itoa(i) + "].name" })
	}
	d.field(r, fieldReason, &r.Reason, nil)
	d.field(r, fieldFailure, &r.Failure, nil)
}

// field applies the strategy of a field, if it has one, to its text. A nil path is the name.
func (d *Redactor) field(r *record.Record, name string, text *string, path func() string) {
	strategy := d.config.byField[name]
	if strategy == nil || *text == "" || *text == record.RedactedText {
		return
	}
	at := place{record: r, path: name}
	if path != nil {
		at.path = path()
	}
	at.field = at.path
	replacement, keep := strategy.text(*text), false
	if strategy.sealer != nil {
		replacement, keep = sealed(&at, strategy.sealer, attribute.StringValue(*text))
	}
	if !keep {
		*text = replacement
		at.redacted()
	}
}

// erasable makes what redaction leaves of a value erasable.
func (d *Redactor) erasable(at *place, s Sealer, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	if v.Type() == attribute.EMPTY || v.Type() == attribute.STRING && v.AsString() == "" {
		return v, false
	}
	at.erasable = true
	clean, changed = d.inside(at, v, depth)
	at.erasable = false
	if clean.Type() == attribute.STRING && clean.AsString() == record.RedactedText {
		at.redacted()
		return clean, true
	}
	text, keep := sealed(at, s, clean)
	if keep {
		return clean, changed
	}
	at.redacted()
	return attribute.StringValue(text), true
}

// sealed returns the text that stands for a value: erasable, or the mask. keep is true if the value
// stays.
func sealed(at *place, s Sealer, v attribute.Value) (text string, keep bool) {
	r := at.root()
	text, keep, m := callSealer(s, r, at.whole(), v)
	if m.Kind != "" {
		m.Path = at.text()
		r.AddMark(m)
	}
	if !record.IsErasable(text) {
		text = record.RedactedText
	}
	return text, keep
}

// callSealer calls a sealer. A panic masks the value.
func callSealer(s Sealer, r *record.Record, field string, v attribute.Value) (text string, keep bool, m mark.Mark) {
	returned := false
	defer func() {
		if !returned {
			_ = recover()
			text, keep, m = "", false, mark.Mark{Kind: mark.Missing}
		}
	}()
	text, keep, m = s.Seal(r, field, v)
	returned = true
	return text, keep, m
}

// isSealed reports whether a value of a change was made erasable, so that it is not hidden.
func isSealed(decision keyDecision, v attribute.Value) bool {
	return decision.strategy != nil && decision.strategy.sealer != nil &&
		v.Type() == attribute.STRING && record.IsErasable(v.AsString())
}

// sideOf returns the field of one side of a change, for a sealer.
func sideOf(c *audit.Change, v *attribute.Value) string {
	if v == &c.Old {
		return "changes." + c.Field + ".old"
	}
	return "changes." + c.Field + ".new"
}
