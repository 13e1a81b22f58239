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

// The default limits of a record.
const (
	DefaultMaxRecordSize = 64 << 10 // bytes; see WithMaxRecordSize
	DefaultMaxMetadata   = 256      // number of keys; see WithMaxMetadata
)

// ValidationOption adds a rule to those that every record must meet.
type ValidationOption func(*validationConfig)

type validationConfig struct {
	actions       []string
	restricted    bool
	required      []*policy.Policy // one rule each, because all of them apply
	maxSkew       time.Duration
	maxRecordSize int
	maxMetadata   int
	errs          []error
}

// WithActions registers actions, as patterns in which * stands for any characters. Events
// with other actions are rejected.
func WithActions(actions ...string) ValidationOption {
	return func(c *validationConfig) {
		c.restricted = true
		c.actions = append(c.actions, actions...)
	}
}

// WithRequired rejects intents whose action matches the pattern if they lack one of the
// fields: "reason", "target", "target.name", "tenant", "channel", "outcome", "changes" or
// "metadata.KEY". An event that begins an attempt needs neither outcome nor changes. All
// such rules apply, while of the rules of WithPolicy only the first that matches applies.
func WithRequired(actions string, fields ...string) ValidationOption {
	return func(c *validationConfig) {
		if len(fields) == 0 {
			fields = nil // nothing is required
		}
		p, err := optionPolicy("WithRequired", policy.Rule{Actions: []string{actions}, Require: fields})
		if err != nil {
			c.errs = append(c.errs, err)
		}
		c.required = append(c.required, p)
	}
}

// WithMaxClockSkew rejects events whose time is later than now by more than d. By default,
// and if d is zero, every time from 1970 to 9999 is accepted.
func WithMaxClockSkew(d time.Duration) ValidationOption {
	return func(c *validationConfig) { c.maxSkew = d }
}

// WithMaxRecordSize limits the total size of a record's texts and values, in bytes. A
// larger record is rejected. The default is DefaultMaxRecordSize.
func WithMaxRecordSize(bytes int) ValidationOption {
	return func(c *validationConfig) { c.maxRecordSize = bytes }
}

// WithMaxMetadata limits the number of a record's metadata. A record with more is rejected.
// The default is DefaultMaxMetadata.
func WithMaxMetadata(n int) ValidationOption {
	return func(c *validationConfig) { c.maxMetadata = n }
}

// validator rejects records that break a rule with a *audit.ValidationError, and cleans
// text. It rejects invalid UTF-8 and control characters in the actor's ID, types, roles,
// tenant, channel and keys. In other texts it replaces them by U+FFFD and marks the
// record, so that no text of a client can prevent a record; tab, line feed and carriage
// return are allowed there if the text may have several lines.
type validator struct {
	config    validationConfig
	actions   *policy.Policy // has a rule that matches registered actions
	anonymous *policy.Policy // has a rule that matches actions of anonymous actors
	policy    *policy.Policy // policy of the provider
	metrics   *metrics
}

// newValidator returns a validator, or an error that lists everything that is wrong with
// the options.
func newValidator(opts ...ValidationOption) (*validator, error) {
	c := validationConfig{maxRecordSize: DefaultMaxRecordSize, maxMetadata: DefaultMaxMetadata}
	for _, opt := range opts {
		opt(&c)
	}
	actions, err := actionsPolicy("WithActions", c.actions)
	if err != nil {
		c.errs = append(c.errs, err)
	}
	if c.maxRecordSize <= 0 {
		c.errs = append(c.errs, errors.New("WithMaxRecordSize: the limit must be positive"))
	}
	if c.maxMetadata <= 0 {
		c.errs = append(c.errs, errors.New("WithMaxMetadata: the limit must be positive"))
	}
	if c.maxSkew < 0 {
		c.errs = append(c.errs, errors.New("WithMaxClockSkew: the limit must not be negative"))
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return &validator{config: c, actions: actions}, nil
}

func (v *validator) check(ctx context.Context, r *record.Record) error {
	if err := v.checkVocabulary(r); err != nil {
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
	return nil
}

// clean cleans the texts of a record that no rule rejects.
func (v *validator) clean(ctx context.Context, r *record.Record) error {
	return v.checkText(ctx, r, &scrubber{record: r})
}

// checkIntent checks what is known of an intent before it is tracked.
func (v *validator) checkIntent(r *record.Record) error {
	if err := v.checkVocabulary(r); err != nil {
		return err
	}
	if !r.Actor.IsZero() {
		if err := v.checkActor(r); err != nil {
			return err
		}
	}
	return v.checkRequired(r)
}

// checkVocabulary checks the fields whose values are enumerated or follow a pattern.
func (v *validator) checkVocabulary(r *record.Record) error {
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
		return invalid("outcome", "an event that begins an attempt must not have one")
	case !r.Bulk.IsZero() && r.Bulk.Selector == "":
		return invalid("bulk.selector", "it is missing")
	case r.Bulk.Affected < 0 || r.Bulk.Affected > record.MaxAffected:
		return invalid("bulk.affected", "it must be from 0 to 2^53-1")
	case r.Target.Type == "" && !r.Bulk.IsZero():
		return invalid("target.type", "it is missing, but the event has a bulk")
	case r.Target.Type == "" && (r.Target.ID != "" || r.Target.Name != ""):
		return invalid("target.type", "it is missing, but the target has an ID or a name")
	}
	for i := range r.Covers {
		if t := &r.Covers[i]; t.Type == "" {
			return invalid("covers["+strconv.Itoa(i)+"].type", "it is missing")
		}
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

// checkActor checks the actor and those on whose behalf it acts. A signal may have no
// actor yet, because its scope may still find it.
func (v *validator) checkActor(r *record.Record) error {
	if r.Actor.IsZero() && r.Kind == audit.KindSignal {
		return nil
	}
	if err := record.CheckActor(&r.Actor, r.Kind); err != nil {
		return err
	}
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		if a.Type == audit.ActorAnonymous && !v.anonymousAllowed(r) {
			return audit.ErrAnonymousNotAllowed
		}
	}
	return nil
}

// anonymousAllowed reports whether the record may have an anonymous actor.
func (v *validator) anonymousAllowed(r *record.Record) bool {
	return policy.AnonymousAllowed(&r.Event) || v.anonymous.Find(&r.Event, r.Channel) >= 0
}

// checkText checks and cleans all texts and values, and adds up their size.
func (v *validator) checkText(ctx context.Context, r *record.Record, text *scrubber) error {
	switch {
	case !sanitize.Plain(r.Target.Type):
		return invalid("target.type", notPlain)
	case !sanitize.Plain(r.Tenant):
		return invalid("tenant", notPlain)
	case !sanitize.Plain(r.Channel):
		return invalid("channel", notPlain)
	}
	for i := range r.Covers {
		if !sanitize.Plain(r.Covers[i].Type) {
			return invalid("covers["+strconv.Itoa(i)+"].type", notPlain)
		}
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
	for i := range r.Covers {
		text.size += len(r.Covers[i].Type)
		path := "covers[" + strconv.Itoa(i) + "]"
		text.name(path+".id", &r.Covers[i].ID)
		text.name(path+".name", &r.Covers[i].Name)
	}
	text.prose("reason", &r.Reason)
	text.prose("failure", &r.Failure)
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

// checkChange cleans a change. It cleans the name of the field too, because the key of a
// map may come from anywhere.
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
			r.AddMark(record.Mark{Path: sanitize.FieldPath("changes", c.Field), Kind: record.MarkReplaced})
			v.metrics.unrepresentable.Add(ctx, 1)
		}
	}
	if c.Old.Type() == attribute.STRING && c.Old.AsString() == record.NotLoadedText {
		r.AddMark(record.Mark{Path: sanitize.FieldPath("changes", c.Field), Kind: record.MarkNotLoaded})
	}
	return nil
}

// unmet returns everything that the record lacks. It lacks something.
func (v *validator) unmet(r *record.Record) *PolicyError {
	unmet := &PolicyError{Recorded: true}
	add := func(rule string, problems []error) {
		if len(problems) > 0 && unmet.Rule == "" {
			unmet.Rule = rule
		}
		unmet.Problems = append(unmet.Problems, problems...)
	}
	for _, p := range v.config.required {
		add(p.Explain(&r.Event, r.Channel))
	}
	add(v.policy.Explain(&r.Event, r.Channel))
	return unmet
}

// checkRequired checks the rules of WithRequired and of the policy.
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
