package sdk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/limit"
	"go.opentelemetry.io/otel/attribute"
)

// DefaultMaxMetadata is the default of WithMaxMetadata.
const DefaultMaxMetadata = 256

// ValidationOption adds a rule to those that every record must meet.
type ValidationOption func(*validationConfig)

type validationConfig struct {
	actions     []string
	restricted  bool
	required    []*policy.Policy // one rule each, because all of them apply
	maxSkew     time.Duration
	maxMetadata int
	errs        []error
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

// WithMaxMetadata limits the number of a record's metadata. Of an event with more, the
// record has the first, and a mark with the number of the others. The metadata of the scope
// comes before that of the event, but takes no more than half if not all fit. The default
// is DefaultMaxMetadata.
func WithMaxMetadata(n int) ValidationOption {
	return func(c *validationConfig) { c.maxMetadata = n }
}

// validator rejects records that break a rule with a *audit.ValidationError. It rejects only
// what makes an event meaningless. How long its texts are, how many its values, and which
// bytes they have is no reason: see package limit.
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
	c := validationConfig{maxMetadata: DefaultMaxMetadata}
	for _, opt := range opts {
		opt(&c)
	}
	actions, err := actionsPolicy("WithActions", c.actions)
	if err != nil {
		c.errs = append(c.errs, err)
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
	v.read(r)
	if err := v.checkVocabulary(r); err != nil {
		return err
	}
	if err := v.checkTime(r); err != nil {
		return err
	}
	if err := v.checkActor(r); err != nil {
		return err
	}
	v.markUnrepresentable(ctx, r)
	return nil
}

// checkIntent checks what is known of an intent before it is tracked.
func (v *validator) checkIntent(r *record.Record) error {
	v.read(r)
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

// read discards what is far too long.
func (v *validator) read(r *record.Record) { limit.Read(r, v.config.maxMetadata) }

// checkVocabulary checks the fields whose values are enumerated or follow a pattern.
func (v *validator) checkVocabulary(r *record.Record) error {
	switch {
	case r.ID.IsZero():
		return invalid("id", "it is missing")
	case !record.ValidAction(r.Action):
		return invalid("action", "it is missing, or not words of lower-case letters, digits and underscores, joined by dots, at most "+
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
// actor yet, because its scope may still find it, and needs no permission for an anonymous
// one, because nobody chooses it.
func (v *validator) checkActor(r *record.Record) error {
	if r.Actor.IsZero() && r.Kind == audit.KindSignal {
		return nil
	}
	if err := record.CheckActor(&r.Actor, r.Kind); err != nil {
		return err
	}
	for a := &r.Actor; a != nil && r.Kind == audit.KindIntent; a = a.OnBehalfOf {
		if a.Type == audit.ActorAnonymous && !v.anonymousAllowed(r) {
			return policy.ErrAnonymousNotAllowed
		}
	}
	return nil
}

// anonymousAllowed reports whether the record may have an anonymous actor.
func (v *validator) anonymousAllowed(r *record.Record) bool {
	return policy.AnonymousAllowed(&r.Event) || v.anonymous.Find(&r.Event, r.Channel) >= 0
}

// markUnrepresentable marks changes whose values are placeholders, and a count that no
// record can have.
func (v *validator) markUnrepresentable(ctx context.Context, r *record.Record) {
	if n := min(max(r.Bulk.Affected, 0), record.MaxAffected); n != r.Bulk.Affected {
		r.Bulk.Affected = n // e.g. a driver's -1
		r.AddMark(mark.Mark{Path: "bulk.affected", Kind: mark.Replaced})
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		for _, side := range [...]*attribute.Value{&c.Old, &c.New} {
			if _, ok := record.Unrepresentable(*side); ok {
				r.AddMark(mark.Mark{Path: sanitize.FieldPath("changes", c.Field), Kind: mark.Replaced})
				v.metrics.unrepresentable.Add(ctx, 1)
			}
		}
		if c.Old.Type() == attribute.STRING && c.Old.AsString() == record.NotLoadedText {
			r.AddMark(mark.Mark{Path: sanitize.FieldPath("changes", c.Field), Kind: mark.NotLoaded})
		}
	}
}

// requirable returns the fields that some rule requires of some event.
func (v *validator) requirable() (fields []string) {
	for _, p := range append(slices.Clip(v.config.required), v.policy) {
		for _, r := range p.Rules() {
			fields = append(fields, r.Require...)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
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
