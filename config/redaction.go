package config

import (
	"errors"
	"regexp/syntax"

	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"go.yaml.in/yaml/v3"
)

// redactionModel configures redaction, which is on by default.
type redactionModel struct {
	SensitiveKeys []text         `key:"sensitive_keys"`
	AllowedKeys   []text         `key:"allowed_keys"`
	OnlyMetadata  []text         `key:"only_metadata"`
	Strategy      strategyModel  `key:"strategy"`
	Keys          []keyModel     `key:"keys"`
	Patterns      []patternModel `key:"patterns"`
}

// keyModel sets the strategy of keys that match a pattern.
type keyModel struct {
	Pattern  text          `key:"pattern,required"`
	Strategy strategyModel `key:"strategy"`
}

// patternModel redacts text that matches an expression.
type patternModel struct {
	Expression text          `key:"expression,required"`
	Strategy   strategyModel `key:"strategy"`
}

// strategyModel is a word, or a mapping with an HMAC key.
type strategyModel struct {
	word strategyWord
	hmac *hmacModel
}

type strategyWord string

func (*strategyWord) tags() []string { return []string{tagText} }

func (w *strategyWord) set(s string) *fault {
	f := oneOf(w, s, "mask", "remove")
	if f != nil {
		f.message += ", or a mapping with hmac"
	}
	return f
}

// strategyMapping is a strategy with parameters.
type strategyMapping struct {
	HMAC *hmacModel `key:"hmac,required"`
}

type hmacModel struct {
	KeyID text   `key:"key_id,required"`
	Key   secret `key:"key,required"`
}

func (s *strategyModel) decode(d *decoder, n *yaml.Node, path string) {
	if m := scalarOr[strategyMapping](d, n, path, &s.word); m != nil {
		s.hmac = m.HMAC
	}
}

// strategyOr returns the strategy, or the fallback if it is not set.
func (s *strategyModel) strategyOr(fallback redact.Strategy) redact.Strategy {
	switch {
	case s.hmac != nil:
		return redact.HMAC(string(s.hmac.KeyID), []byte(s.hmac.Key.reveal()))
	case s.word == "remove":
		return redact.Remove()
	case s.word == "mask":
		return redact.Mask()
	}
	return fallback
}

func (s *strategyModel) check(d *decoder, path string) {
	if s.hmac == nil {
		return
	}
	id, key := string(s.hmac.KeyID), s.hmac.Key.reveal()
	accepted := func(id, key string) bool {
		return tryOptions(sdk.WithRedaction(redact.WithStrategy(redact.HMAC(id, []byte(key))))) == nil
	}
	path = join(path, "hmac")
	if id != "" && !accepted(id, "0123456789abcdef") {
		d.report(join(path, "key_id"), nameRule)
	}
	if key != "" && !accepted("k", key) {
		d.report(join(path, "key"), "it must have at least 16 bytes")
	}
}

func (r *redactionModel) check(d *decoder, path string) {
	if r == nil {
		return
	}
	for i, key := range r.SensitiveKeys {
		if key != "" && tryOptions(sdk.WithRedaction(redact.WithSensitiveKeys(string(key)))) != nil {
			d.report(index(join(path, "sensitive_keys"), i), "it has no letters or digits")
		}
	}
	r.Strategy.check(d, join(path, "strategy"))
	for i := range r.Keys {
		r.Keys[i].Strategy.check(d, join(index(join(path, "keys"), i), "strategy"))
	}
	for i := range r.Patterns {
		at := index(join(path, "patterns"), i)
		r.Patterns[i].Strategy.check(d, join(at, "strategy"))
		_, err := syntax.Parse(string(r.Patterns[i].Expression), syntax.Perl)
		if bad, ok := errors.AsType[*syntax.Error](err); ok {
			d.report(join(at, "expression"), "it is not a regular expression (RE2 syntax): "+bad.Code.String())
		}
	}
}

func (r *redactionModel) options() []redact.Option {
	if r == nil {
		return nil
	}
	opts := []redact.Option{redact.WithSensitiveKeys(texts(r.SensitiveKeys)...), redact.WithAllowedKeys(texts(r.AllowedKeys)...)}
	if r.OnlyMetadata != nil {
		opts = append(opts, redact.WithOnlyMetadata(texts(r.OnlyMetadata)...))
	}
	general := r.Strategy.strategyOr(redact.Mask())
	opts = append(opts, redact.WithStrategy(general))
	for _, k := range r.Keys {
		opts = append(opts, redact.WithKeyStrategy(string(k.Pattern), k.Strategy.strategyOr(general)))
	}
	for _, p := range r.Patterns {
		opts = append(opts, redact.WithPattern(string(p.Expression), p.Strategy.strategyOr(general)))
	}
	return opts
}
