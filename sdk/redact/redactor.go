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
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
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
// It redacts every text of a record except its resource. It searches identifiers (the IDs of
// actor, target and sample, tenant, channel) too, but not for card numbers, because an ID of
// digits must stay as it is. Of a change that says it is redacted, it masks the values, whatever
// they are.
//
// A Redactor is safe for concurrent use. A TrackerProvider has one of its own, which runs
// after everything else that changes a record.
type Redactor struct {
	config redactionConfig
	words  secretwords.Words
	keys   keyDecisions
	names  nameStrengths
	plain  bool           // no option looks at texts, values or other metadata
	forged *regexp.Regexp // tokens of HMAC and erasable values in texts, which others wrote; or nil
}

// Option changes what is redacted.
type Option func(*redactionConfig)

type redactionConfig struct {
	words    []string
	allowed  map[string]bool
	only     map[string]bool
	strategy Strategy
	byKey    []keyRule
	byField  map[string]*Strategy
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
// others are redacted, also in Record.Overridden; their keys stay, to show what is missing.
// The listed ones are still searched for secrets.
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

// WithRedactorFunc adds a function that may replace values. It is called for the value of each
// metadata and for both values of each change, after other redaction, with the path
// ("metadata.KEY", also for metadata that was overridden). It returns the value to record, and
// whether that differs from v. It does not get the values of WithAllowedKeys. It must be safe for
// concurrent use. If it panics, the value is masked.
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
	c.errs = append(c.errs, c.strategy.err, c.strategy.onlyText())
	for _, r := range c.byKey {
		c.errs = append(c.errs, r.strategy.err)
	}
	for _, r := range c.patterns {
		c.errs = append(c.errs, r.strategy.err, r.strategy.onlyText())
	}
	for _, field := range strategyFields {
		if s := c.byField[field]; s != nil {
			c.errs = append(c.errs, s.err)
		}
	}
	words, err := secretwords.Default().With(c.words...)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("WithSensitiveKeys: %w", err))
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("redaction: %w", err)
	}
	plain := len(c.patterns) == 0 && len(c.custom) == 0 && c.only == nil
	return &Redactor{config: c, words: words, plain: plain, forged: c.tokens()}, nil
}

// tokens returns an expression for the tokens of all HMAC strategies and for erasable values, or
// nil.
func (c *redactionConfig) tokens() *regexp.Regexp {
	strategies := []Strategy{c.strategy}
	for _, r := range c.byKey {
		strategies = append(strategies, r.strategy)
	}
	for _, r := range c.patterns {
		strategies = append(strategies, r.strategy)
	}
	for _, s := range c.byField {
		strategies = append(strategies, *s)
	}
	var forms []string
	for _, s := range strategies {
		switch {
		case s.key != nil:
			forms = append(forms, regexp.QuoteMeta(s.prefix())+"[0-9a-f]{32}")
		case s.sealer != nil:
			forms = append(forms, erasableText)
		}
	}
	if forms == nil {
		return nil
	}
	slices.Sort(forms)
	return regexp.MustCompile(strings.Join(slices.Compact(forms), "|"))
}

// clean redacts the parts of text that look like secrets.
func (d *Redactor) clean(text string, numbers bool) (clean string, changed bool) {
	clean = text
	if d.isForged(text) {
		clean = d.forged.ReplaceAllLiteralString(text, record.RedactedText)
	}
	clean = d.mask(clean, numbers)
	for _, p := range d.config.patterns {
		clean = p.expression.ReplaceAllStringFunc(clean, p.strategy.text)
	}
	return clean, clean != text
}

// maxPasses limits how often the secrets of a text are looked for.
const maxPasses = 4

// mask replaces the secrets of text. A masked text is shorter, so that a key before it may be
// recognized which was too long before: secrets are looked for until none is found. A token of HMAC
// would become another one, so tokens are made once. What is removed is masked until then, or the
// next word would be taken for the value of the key.
func (d *Redactor) mask(text string, numbers bool) string {
	s, passes := d.config.strategy, maxPasses
	if s.key != nil {
		passes = 1
	}
	s.remove = false
	clean := text
	for range passes {
		seek := survey(clean, numbers)
		if seek == 0 {
			break
		}
		masked := s.replace(clean, d.findSecrets(clean, seek))
		if masked == clean {
			break
		}
		clean = masked
	}
	if d.config.strategy.remove && clean != text {
		clean = strings.ReplaceAll(clean, record.RedactedText, "")
	}
	return clean
}

// isForged reports whether a text may contain what looks like a token of HMAC or an erasable
// value.
func (d *Redactor) isForged(text string) bool {
	return d.forged != nil && (strings.Contains(text, tokenPrefix) || strings.Contains(text, record.ErasablePrefix))
}

// Text redacts the parts of s that look like secrets, and reports whether there were any.
func (d *Redactor) Text(s string) (clean string, changed bool) { return d.clean(s, true) }
