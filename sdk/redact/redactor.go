// Package redact masks secrets in records.
//
//	provider, err := sdk.NewTrackerProvider(..., sdk.WithRedaction(
//		redact.WithSensitiveKeys("badge number"),
//		redact.WithPattern(`EMP-[0-9]{6}`, redact.Mask()),
//	))
//
// Every provider redacts by default. The options add rules or make exceptions.
// docs/redaction.md lists what is redacted.
package redact

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/secretwords"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// maxRedactDepth is how deep the redactor looks into nested values. It masks deeper values
// as a whole.
const maxRedactDepth = 64

// Redactor masks secrets: values whose keys name a secret (password, token, API key, card
// number), in any case style and at any depth, and parts of texts that look like one
// (tokens, private keys, credentials, card numbers). It lists the paths of what it masked
// in Record.Redacted.
//
// It redacts metadata, changes, the reason, the selector of a bulk, and names. It searches
// identifiers (the IDs of actor, target and sample, tenant, channel) too, but not for card
// numbers, because an ID of digits must stay as it is.
//
// A Redactor is safe for concurrent use. A TrackerProvider has one of its own, which runs
// after everything else that changes a record.
type Redactor struct {
	config redactionConfig
	words  secretwords.Words
	keys   keyDecisions
	names  nameStrengths
	plain  bool // no option looks at texts, values or other metadata
}

// Option changes what is redacted.
type Option func(*redactionConfig)

type redactionConfig struct {
	words    []string
	allowed  map[string]bool
	only     map[string]bool
	strategy Strategy
	byKey    []keyRule
	patterns []patternRule
	custom   []func(path string, v attribute.Value) (attribute.Value, bool)
	errs     []error
}

// keyRule is the strategy for keys that match a pattern.
type keyRule struct {
	pattern  string
	strategy Strategy
}

// patternRule is the strategy for text that matches an expression.
type patternRule struct {
	expression *regexp.Regexp
	strategy   Strategy
}

// WithSensitiveKeys adds words that name secrets. The case style does not matter: "account
// number" matches the keys accountNumber, ACCOUNT_NUMBER and x-account-number.
func WithSensitiveKeys(keys ...string) Option {
	return func(c *redactionConfig) { c.words = append(c.words, keys...) }
}

// WithAllowedKeys lists keys whose values are not redacted, written exactly like the key
// of metadata or the field of a change.
func WithAllowedKeys(keys ...string) Option {
	return func(c *redactionConfig) { c.allowed = addAll(c.allowed, keys) }
}

// WithOnlyMetadata lists the metadata keys whose values are recorded. The values of all
// others are redacted. The listed ones are still searched for secrets.
func WithOnlyMetadata(keys ...string) Option {
	return func(c *redactionConfig) { c.only = addAll(c.only, keys) }
}

// WithStrategy sets the strategy for secrets to which no other option applies. The default
// is Mask.
func WithStrategy(s Strategy) Option {
	return func(c *redactionConfig) { c.strategy = s }
}

// WithKeyStrategy redacts the values of all keys that match the pattern, in which * stands
// for any characters ("customer.*").
func WithKeyStrategy(pattern string, s Strategy) Option {
	return func(c *redactionConfig) { c.byKey = append(c.byKey, keyRule{pattern, s}) }
}

// WithPattern redacts the parts of texts that match the regular expression (RE2 syntax).
func WithPattern(expression string, s Strategy) Option {
	return func(c *redactionConfig) {
		re, err := regexp.Compile(expression)
		if err != nil {
			c.errs = append(c.errs, fmt.Errorf("WithPattern: %w", err))
			return
		}
		c.patterns = append(c.patterns, patternRule{re, s})
	}
}

// WithRedactorFunc adds a function that may replace values. It is called for the value of
// each metadata and for both values of each change, after other redaction, with the path
// ("metadata.KEY"). It returns the value to record, and whether that differs from v. It
// does not get the values of WithAllowedKeys. It must be safe for concurrent use. If it
// panics, the value is masked.
func WithRedactorFunc(f func(path string, v attribute.Value) (attribute.Value, bool)) Option {
	return func(c *redactionConfig) { c.custom = append(c.custom, f) }
}

func addAll(set map[string]bool, keys []string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	for _, k := range keys {
		set[k] = true
	}
	return set
}

// New returns a Redactor. If options are wrong, the error lists all problems.
func New(opts ...Option) (*Redactor, error) {
	c := redactionConfig{strategy: Mask()}
	for _, opt := range opts {
		opt(&c)
	}
	c.errs = append(c.errs, c.strategy.err)
	for _, r := range c.byKey {
		c.errs = append(c.errs, r.strategy.err)
	}
	for _, r := range c.patterns {
		c.errs = append(c.errs, r.strategy.err)
	}
	words, err := secretwords.Default().With(c.words...)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("WithSensitiveKeys: %w", err))
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("redaction: %w", err)
	}
	plain := len(c.patterns) == 0 && len(c.custom) == 0 && c.only == nil
	return &Redactor{config: c, words: words, plain: plain}, nil
}

// Redact redacts r in place.
func (d *Redactor) Redact(r *record.Record) {
	d.text(r, "actor.name", &r.Actor.Name, true)
	d.text(r, "actor.id", &r.Actor.ID, false)
	for a, depth := r.Actor.OnBehalfOf, 1; a != nil; a, depth = a.OnBehalfOf, depth+1 {
		d.text(r, sanitize.ActorPath(depth, "name"), &a.Name, true)
		d.text(r, sanitize.ActorPath(depth, "id"), &a.ID, false)
	}
	d.text(r, "target.id", &r.Target.ID, false)
	d.text(r, "target.name", &r.Target.Name, true)
	for i := range r.Covers {
		path := "covers[" + strconv.Itoa(i) + "]"
		d.text(r, path+".id", &r.Covers[i].ID, false)
		d.text(r, path+".name", &r.Covers[i].Name, true)
	}
	d.text(r, "reason", &r.Reason, true)
	d.text(r, "failure", &r.Failure, true)
	d.text(r, "bulk.selector", &r.Bulk.Selector, true)
	for i := range r.Bulk.Sample {
		d.text(r, "bulk.sample", &r.Bulk.Sample[i], false)
	}
	d.text(r, "tenant", &r.Tenant, false)
	d.text(r, "channel", &r.Channel, false)
	for i := range r.Changes {
		d.change(r, &r.Changes[i])
	}
	r.Metadata = d.metadata(r, "metadata", r.Metadata)
	if len(r.Overridden) > 0 {
		r.Overridden = d.metadata(r, "overridden", r.Overridden)
	}
}

// Attributes returns a redacted copy of kvs, and the paths of what was redacted, which
// start with prefix.
func (d *Redactor) Attributes(prefix string, kvs []attribute.KeyValue) (clean []attribute.KeyValue, redacted []string) {
	var r record.Record
	clean = d.metadata(&r, prefix, slices.Clone(kvs))
	return clean, r.Redacted
}

// text redacts a text that has no key. It searches for card numbers only if numbers is
// true.
func (d *Redactor) text(r *record.Record, path string, text *string, numbers bool) {
	if d.plain && len(*text) < minSecretText {
		return
	}
	if clean, changed := d.clean(*text, numbers); changed {
		*text = clean
		r.AddRedacted(path)
	}
}

func (d *Redactor) change(r *record.Record, c *audit.Change) {
	if c.Redacted {
		return // Diff has redacted it
	}
	if clean, changed := d.clean(c.Field, true); changed {
		c.Field = clean // the key of a map may contain a secret
		r.AddRedacted("changes.field")
	}
	decision := d.decide(c.Field)
	if decision.allowed {
		return
	}
	path := sanitize.FieldPath("changes", c.Field)
	redacted := false
	for _, side := range [...]*attribute.Value{&c.Old, &c.New} {
		if side.Type() == attribute.EMPTY {
			continue // there is no value
		}
		clean, changed := d.value(&place{record: r, path: path}, decision, *side)
		*side = clean
		redacted = redacted || changed
	}
	if redacted {
		c.Redacted = c.Redacted || decision.strategy != nil
	}
}

// metadata redacts kvs in place, and returns those that are left.
func (d *Redactor) metadata(r *record.Record, parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	for i := range kvs {
		if !d.isHarmless(&kvs[i]) {
			return d.metadataFrom(i, r, parent, kvs)
		}
	}
	return kvs // the usual case
}

// isHarmless reports whether kv is a text, a number or a boolean without a secret.
func (d *Redactor) isHarmless(kv *attribute.KeyValue) bool {
	if !d.plain || d.decide(string(kv.Key)) != (keyDecision{}) {
		return false
	}
	switch kv.Value.Type() {
	case attribute.STRING:
		text := kv.Value.AsString()
		seek := survey(text, true)
		return seek == 0 || len(d.findSecrets(text, seek)) == 0
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return true
	default:
		return false
	}
}

// metadataFrom does what metadata does. The elements of kvs before first are harmless.
func (d *Redactor) metadataFrom(first int, r *record.Record, parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	removed, renamed := false, false
	for i := first; i < len(kvs); i++ {
		kv := &kvs[i]
		if i > first && d.isHarmless(kv) {
			continue
		}
		decision := d.decide(string(kv.Key))
		if decision.leaks {
			kv.Key, renamed = d.cleanKey(kv.Key, i), true
			r.AddRedacted(parent + "." + string(kv.Key))
		}
		if d.config.only != nil && parent == "metadata" && !d.config.only[string(kv.Key)] {
			decision = keyDecision{strategy: &d.config.strategy}
		}
		if decision.allowed {
			continue
		}
		at := place{record: r, path: sanitize.FieldPath(parent, string(kv.Key))}
		if clean, changed := d.value(&at, decision, kv.Value); changed {
			if clean.Type() == attribute.EMPTY {
				kv.Key, removed = "", true
			}
			kv.Value = clean
		}
	}
	if removed {
		kvs = slices.DeleteFunc(kvs, func(kv attribute.KeyValue) bool { return kv.Key == "" })
	}
	if renamed {
		slices.SortFunc(kvs, sorted.CompareKeys)
	}
	return kvs
}

// value redacts a value of any type, then calls the functions of WithRedactorFunc.
func (d *Redactor) value(at *place, decision keyDecision, v attribute.Value) (attribute.Value, bool) {
	clean, changed := d.keyed(at, decision, v, 0)
	for _, f := range d.config.custom {
		if c, ch := callRedactor(f, at.path, clean); ch {
			clean, changed = c, true
			at.redacted()
		}
	}
	return clean, changed
}

// place is the position of a value in a record. For the elements of maps, text builds the
// path from parent and key when it is needed.
type place struct {
	record *record.Record // nil if parent is set
	path   string         // empty if parent is set
	parent *place
	key    string // key in the parent
}

// redacted adds the path to Record.Redacted.
func (p *place) redacted() {
	p.root().AddRedacted(p.text())
}

func (p *place) root() *record.Record {
	for p.parent != nil {
		p = p.parent
	}
	return p.record
}

func (p *place) text() string {
	if p.parent == nil {
		return p.path
	}
	return sanitize.FieldPath(p.parent.text(), p.key)
}

// keyed redacts the value of a key according to the decision.
func (d *Redactor) keyed(at *place, decision keyDecision, v attribute.Value, depth int) (attribute.Value, bool) {
	if decision.strategy == nil {
		return d.inside(at, v, depth)
	}
	clean, changed := decision.strategy.apply(v)
	if changed {
		at.redacted()
	}
	return clean, changed
}

// callRedactor calls a function of WithRedactorFunc. A panic masks the value.
func callRedactor(f func(string, attribute.Value) (attribute.Value, bool), path string, v attribute.Value) (clean attribute.Value, changed bool) {
	returned := false
	defer func() {
		if !returned {
			_ = recover()
			clean, changed = attribute.StringValue(record.RedactedText), true
		}
	}()
	clean, changed = f(path, v)
	returned = true
	if !changed {
		clean = v
	}
	return clean, changed
}

// inside searches a value for secrets whose key does not name one.
func (d *Redactor) inside(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	switch v.Type() {
	case attribute.SLICE, attribute.MAP:
		if depth > maxRedactDepth {
			at.redacted()
			return attribute.StringValue(record.RedactedText), true
		}
		if v.Type() == attribute.MAP {
			return d.mapping(at, v, depth)
		}
		return d.slice(at, v, depth)
	default:
		if clean, changed = d.leaf(v); changed {
			at.redacted()
		}
		return clean, changed
	}
}

// leaf searches the texts of a value that is neither a map nor a slice of values.
func (d *Redactor) leaf(v attribute.Value) (attribute.Value, bool) {
	switch v.Type() {
	case attribute.STRING:
		if clean, changed := d.clean(v.AsString(), true); changed {
			return attribute.StringValue(clean), true
		}
	case attribute.BYTESLICE:
		if clean, changed := d.clean(string(v.AsByteSlice()), true); changed {
			return attribute.ByteSliceValue([]byte(clean)), true
		}
	case attribute.STRINGSLICE:
		texts, changed := v.AsStringSlice(), false
		for i, text := range texts {
			clean, ch := d.clean(text, true)
			texts[i], changed = clean, changed || ch
		}
		if changed {
			return attribute.StringSliceValue(texts), true
		}
	default: // numbers and the like
	}
	return v, false
}

func (d *Redactor) slice(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	values := v.AsSlice()
	for i := range values {
		c, ch := d.inside(at, values[i], depth+1)
		values[i], changed = c, changed || ch
	}
	if changed {
		v = attribute.SliceValue(values...)
	}
	return v, changed
}

func (d *Redactor) mapping(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	kvs := v.AsMap()
	left := kvs[:0]
	for i, kv := range kvs {
		decision := d.decide(string(kv.Key))
		inner := place{parent: at, key: string(kv.Key)}
		if decision.leaks {
			kv.Key, changed = d.cleanKey(kv.Key, i), true
			inner.key = string(kv.Key)
			inner.redacted()
		}
		if !decision.allowed {
			c, ch := d.keyed(&inner, decision, kv.Value, depth+1)
			if changed = changed || ch; ch && c.Type() == attribute.EMPTY {
				continue // removed
			}
			kv.Value = c
		}
		left = append(left, kv)
	}
	if changed {
		v = attribute.MapValue(left...)
	}
	return v, changed
}

// cleanKey returns the replacement of a key that contains a secret. The place makes it
// unique.
func (d *Redactor) cleanKey(key attribute.Key, place int) attribute.Key {
	clean, _ := d.clean(string(key), true)
	return attribute.Key(clean + "." + strconv.Itoa(place))
}

// clean redacts the parts of text that look like secrets.
func (d *Redactor) clean(text string, numbers bool) (clean string, changed bool) {
	clean = text
	if seek := survey(text, numbers); seek != 0 {
		if spans := d.findSecrets(text, seek); len(spans) > 0 {
			clean = d.replaceSecrets(text, spans)
		}
	}
	for _, p := range d.config.patterns {
		clean = p.expression.ReplaceAllStringFunc(clean, p.strategy.text)
	}
	return clean, clean != text
}

// Text redacts the parts of s that look like secrets, and reports whether there were any.
func (d *Redactor) Text(s string) (clean string, changed bool) { return d.clean(s, true) }
