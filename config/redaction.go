package config

import (
	"errors"
	"regexp/syntax"

	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"go.yaml.in/yaml/v3"
)

// redactionModel changes what is redacted, which is on by default.
type redactionModel struct {
	SensitiveKeys []text         `key:"sensitive_keys"`
	AllowedKeys   []text         `key:"allowed_keys"`
	OnlyMetadata  []text         `key:"only_metadata"`
	Strategy      strategyModel  `key:"strategy"`
	Keys          []keyModel     `key:"keys"`
	Patterns      []patternModel `key:"patterns"`
}

// keyModel gives the keys that match a pattern a strategy.
type keyModel struct {
	Pattern  text          `key:"pattern,required"`
	Strategy strategyModel `key:"strategy"`
}

// patternModel redacts text that matches.
type patternModel struct {
	Expression text          `key:"expression,required"`
	Strategy   strategyModel `key:"strategy"`
}

// strategyModel is a word, or a mapping with a key for tokens.
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

// strategyMapping is the strategy that needs more than a word.
type strategyMapping struct {
	HMAC *hmacModel `key:"hmac,required"`
}

type hmacModel struct {
	KeyID text   `key:"key_id,required"`
	Key   secret `key:"key,required"`
}

func (s *strategyModel) decode(d *decoder, n *yaml.Node, path string) {
	if n.Kind != yaml.MappingNode {
		d.scalar(n, path, &s.word)
		return
	}
	var m strategyMapping
	d.structure(n, path, valueOf(&m))
	s.hmac = m.HMAC
}

// or returns the strategy, or another one where it was not given.
func (s *strategyModel) or(other redact.Strategy) redact.Strategy {
	switch {
	case s.hmac != nil:
		return redact.HMAC(string(s.hmac.KeyID), []byte(s.hmac.Key.reveal()))
	case s.word == "remove":
		return redact.Remove()
	case s.word == "mask":
		return redact.Mask()
	}
	return other
}

func (s *strategyModel) check(d *decoder, path string) {
	if s.hmac == nil {
		return
	}
	id, key := string(s.hmac.KeyID), s.hmac.Key.reveal()
	accepted := func(id, key string) bool {
		return judge(sdk.WithRedaction(redact.WithStrategy(redact.HMAC(id, []byte(key))))) == nil
	}
	path = join(path, "hmac")
	if id != "" && !accepted(id, "0123456789abcdef") {
		d.wrong(join(path, "key_id"), nameRule)
	}
	if key != "" && !accepted("k", key) {
		d.wrong(join(path, "key"), "it must have 16 bytes at least")
	}
}

func (r *redactionModel) check(d *decoder, path string) {
	if r == nil {
		return
	}
	for i, key := range r.SensitiveKeys {
		if key != "" && judge(sdk.WithRedaction(redact.WithSensitiveKeys(string(key)))) != nil {
			d.wrong(index(join(path, "sensitive_keys"), i), "it has no letters or digits")
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
			d.wrong(join(at, "expression"), "it is no regular expression (RE2 syntax): "+bad.Code.String())
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
	general := r.Strategy.or(redact.Mask())
	opts = append(opts, redact.WithStrategy(general))
	for _, k := range r.Keys {
		opts = append(opts, redact.WithKeyStrategy(string(k.Pattern), k.Strategy.or(general)))
	}
	for _, p := range r.Patterns {
		opts = append(opts, redact.WithPattern(string(p.Expression), p.Strategy.or(general)))
	}
	return opts
}
