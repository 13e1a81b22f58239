package sdk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// The limits of a record. Those with an option of their own are defaults.
const (
	// DefaultMaxRecordSize is how many bytes the texts and values of a record may
	// have together.
	DefaultMaxRecordSize = 64 << 10
	// DefaultMaxMetadata is how many metadata a record may have.
	DefaultMaxMetadata = 256
)

// ValidationOption adds a rule to those that always hold.
type ValidationOption func(*validationConfig)

type validationConfig struct {
	actions       []string
	restricted    bool
	required      []*policy.Policy // of one rule each, since all of them hold
	maxSkew       time.Duration
	maxRecordSize int
	maxMetadata   int
	errs          []error
}

// WithActions registers actions, as patterns in which * stands for any
// characters: with it, other actions are refused.
func WithActions(actions ...string) ValidationOption {
	return func(c *validationConfig) {
		c.restricted = true
		c.actions = append(c.actions, actions...)
	}
}

// WithRequired refuses intents whose action matches the pattern and that lack one
// of the fields: "reason", "target", "target.name", "tenant", "channel",
// "outcome", "changes" or "metadata.KEY". An event that begins an attempt needs neither
// outcome nor changes. It is a rule of package policy, but one that always holds: see
// WithPolicy for rules of which the first decides.
func WithRequired(actions string, fields ...string) ValidationOption {
	return func(c *validationConfig) {
		if len(fields) == 0 {
			fields = nil // demands nothing
		}
		p, err := optionPolicy("WithRequired", policy.Rule{Actions: []string{actions}, Require: fields})
		if err != nil {
			c.errs = append(c.errs, err)
		}
		c.required = append(c.required, p)
	}
}

// WithMaxClockSkew refuses events whose time is later than now by more than d.
// The default is to take any time that a record can hold.
func WithMaxClockSkew(d time.Duration) ValidationOption {
	return func(c *validationConfig) { c.maxSkew = d }
}

// WithMaxRecordSize sets how many bytes the texts and values of a record may have
// together. The default is DefaultMaxRecordSize.
func WithMaxRecordSize(bytes int) ValidationOption {
	return func(c *validationConfig) { c.maxRecordSize = bytes }
}

// WithMaxMetadata sets how many metadata a record may have. The default is
// DefaultMaxMetadata.
func WithMaxMetadata(n int) ValidationOption {
	return func(c *validationConfig) { c.maxMetadata = n }
}

// validator rejects records that break a rule, with a *audit.ValidationError, and
// cleans text. Invalid UTF-8 and control characters (other than tab, line feed and
// carriage return) are rejected in what identifies or names: the actor's id, types,
// roles, tenant, channel and keys. Elsewhere U+FFFD replaces them and the record is
// marked, so that nothing a client typed loses a record.
type validator struct {
	config    validationConfig
	actions   *policy.Policy // has a rule for those that are registered
	anonymous *policy.Policy // has a rule for those that may be anonymous
	policy    *policy.Policy // of the provider
	metrics   *metrics
}

// newValidator returns a validator, or an error that joins everything that is wrong
// with the options.
func newValidator(opts ...ValidationOption) (*validator, error) {
	c := validationConfig{maxRecordSize: DefaultMaxRecordSize, maxMetadata: DefaultMaxMetadata}
	for _, opt := range opts {
		opt(&c)
	}
	actions, err := actionsPolicy("WithActions", c.actions)
	if err != nil {
		c.errs = append(c.errs, err)
	}
	if c.maxRecordSize <= 0 || c.maxMetadata <= 0 || c.maxSkew < 0 {
		c.errs = append(c.errs, errors.New("validation: limits must be positive"))
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return &validator{config: c, actions: actions}, nil
}

func (v *validator) check(ctx context.Context, r *record.Record) error {
	if err := v.checkWords(r); err != nil {
		return err
	}
	if err := v.checkTime(r); err != nil {
		return err
	}
	if err := v.checkActor(r); err != nil {
		return err
	}
	text := scrubber{record: r}
	if err := v.checkText(ctx, r, &text); err != nil {
		return err
	}
	if text.size > v.config.maxRecordSize {
		return &audit.ValidationError{
			Field:  "record",
			Reason: fmt.Sprintf("it has %d bytes of text and values; the limit is %d", text.size, v.config.maxRecordSize),
		}
	}
	return v.checkRequired(r)
}

// checkWords checks what comes from a vocabulary.
func (v *validator) checkWords(r *record.Record) error {
	switch {
	case r.ID.IsZero():
		return invalid("id", "it is missing")
	case !record.ValidAction(r.Action):
		return invalid("action", "it must be words of lower-case letters, digits and underscores, joined by dots, at most "+
			strconv.Itoa(record.MaxActionLength)+" bytes, e.g. \"invoice.approve\"")
	case v.config.restricted && v.actions.Find(&r.Event, r.Channel) < 0:
		return invalid("action", "it is not registered; add it with sdk.WithActions")
	case !r.Kind.Valid():
		return invalid("kind", "unknown value "+r.Kind.String())
	case !r.Operation.Valid():
		return invalid("operation", "unknown value "+r.Operation.String())
	case !r.Outcome.Valid():
		return invalid("outcome", "unknown value "+r.Outcome.String())
	case r.Attempt == r.ID && r.Outcome != audit.OutcomeUnknown:
		return invalid("outcome", "an event that begins an attempt has none yet")
	case !r.Bulk.IsZero() && r.Bulk.Selector == "":
		return invalid("bulk.selector", "it is missing")
	case r.Bulk.Affected < 0 || r.Bulk.Affected > record.MaxAffected:
		return invalid("bulk.affected", "it must be from 0 to 2^53-1")
	case r.Target.Type == "" && !r.Bulk.IsZero():
		return invalid("target.type", "it is missing, while the event is about many objects of one type")
	case r.Target.Type == "" && (r.Target.ID != "" || r.Target.Name != ""):
		return invalid("target.type", "it is missing, while the target has an id or a name")
	}
	return nil
}

func (v *validator) checkTime(r *record.Record) error {
	if !record.ValidTime(r.Time) {
		return invalid("time", "it must be between the years 1970 and 9999")
	}
	if !record.ValidTime(r.ObservedTime) {
		return invalid("observed_time", "it must be between the years 1970 and 9999")
	}
	if v.config.maxSkew > 0 && r.Time.Sub(r.ObservedTime) > v.config.maxSkew {
		return invalid("time", "it is later than now by more than "+v.config.maxSkew.String())
	}
	return nil
}

// checkActor checks the actor and those that it acts for. A signal may have no actor
// yet, because its scope may still find it.
func (v *validator) checkActor(r *record.Record) error {
	if r.Actor.IsZero() && r.Kind == audit.KindSignal {
		return nil
	}
	if err := record.CheckActor(&r.Actor, r.Kind); err != nil {
		return err
	}
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		if a.Type == audit.ActorAnonymous && !v.mayBeAnonymous(r) {
			return audit.ErrAnonymousNotAllowed
		}
	}
	return nil
}

// mayBeAnonymous reports whether the record's action allows the anonymous actor.
func (v *validator) mayBeAnonymous(r *record.Record) bool {
	return policy.AnonymousAllowed(&r.Event) || v.anonymous.Find(&r.Event, r.Channel) >= 0
}

// checkText cleans all text and adds up its size.
func (v *validator) checkText(ctx context.Context, r *record.Record, text *scrubber) error {
	switch {
	case !sanitize.Plain(r.Target.Type):
		return invalid("target.type", notPlain)
	case !sanitize.Plain(r.Tenant):
		return invalid("tenant", notPlain)
	case !sanitize.Plain(r.Channel):
		return invalid("channel", notPlain)
	}
	text.size += len(r.Target.Type) + len(r.Tenant) + len(r.Channel)
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		text.name("actor.name", &a.Name)
		text.size += len(a.ID) + len(a.AuthMethod)
		for _, role := range a.Roles {
			text.size += len(role)
		}
	}
	text.name("target.id", &r.Target.ID)
	text.name("target.name", &r.Target.Name)
	text.prose("reason", &r.Reason)
	text.prose("bulk.selector", &r.Bulk.Selector)
	for i := range r.Bulk.Sample {
		text.name("bulk.sample", &r.Bulk.Sample[i])
	}

	for i := range r.Changes {
		if err := v.checkChange(ctx, r, &r.Changes[i], text); err != nil {
			return err
		}
	}
	if len(r.Metadata) > v.config.maxMetadata {
		return invalid("metadata", fmt.Sprintf("it has %d keys; the limit is %d", len(r.Metadata), v.config.maxMetadata))
	}
	if err := text.metadata("metadata", r.Metadata); err != nil {
		return err
	}
	return text.metadata("overridden", r.Overridden)
}

// checkChange cleans a change. The name of a field is cleaned as well: in a map it
// is a key, which may come from anywhere.
func (v *validator) checkChange(ctx context.Context, r *record.Record, c *audit.Change, text *scrubber) error {
	if c.Field == "" {
		return invalid("changes.field", "it is missing")
	}
	text.name("changes.field", &c.Field)
	for _, side := range [...]*attribute.Value{&c.Old, &c.New} {
		if err := text.value("changes", c.Field, side); err != nil {
			return err
		}
		if _, ok := record.Unrepresentable(*side); ok {
			r.AddMarked(sanitize.FieldPath("changes", c.Field))
			v.metrics.unrepresentable.Add(ctx, 1)
		}
	}
	return nil
}

func errBadKey(parent, key string) error {
	return invalid(sanitize.FieldPath(parent, key), "a name must be 1 to "+strconv.Itoa(record.MaxKeyLength)+" bytes and "+notPlain)
}

func (v *validator) checkRequired(r *record.Record) error {
	for _, p := range v.config.required {
		if _, problems := p.Explain(&r.Event, r.Channel); len(problems) > 0 {
			return problems[0]
		}
	}
	if rule, problems := v.policy.Explain(&r.Event, r.Channel); len(problems) > 0 {
		return &PolicyError{Rule: rule, Problems: problems}
	}
	return nil
}

const notPlain = "must be valid UTF-8 without control characters"

func invalid(field, reason string) error {
	return &audit.ValidationError{Field: field, Reason: reason}
}
