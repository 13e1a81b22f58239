package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// cell handles the end of a cell of a table, after which a value may follow.
func (p *pairs) cell(i int) (next int) {
	k := p.keyBefore(i)
	if k.text == "" || k.quoted || p.redactor.nameStrength(k.text) == secretwords.None {
		return i + 1
	}
	start := i + 1
	for start < len(p.text) && (blank.has(p.text[start]) || p.text[start] == '|') { // key || "x"
		start++
	}
	end := start
	for end < len(p.text) && !space.has(p.text[end]) && p.text[end] != '|' {
		end++
	}
	if !isSecretOf(k.text, strings.Trim(p.text[start:end], "`*\"'")) {
		return i + 1
	}
	return p.mask(value{start, end, end})
}

// element handles the end of an element of a list, after which a value may follow that a
// quoted element names: ["X-Api-Key", "x"], s:3:"pin";s:4:"1234".
func (p *pairs) element(i int) (next int) {
	if i == 0 {
		return 1
	}
	var k key
	if p.text[i-1] == '"' || p.text[i-1] == '\'' {
		k = p.quotedKey(i-1, max(0, i-maxKey-8))
	} else if p.text[i] == ',' && endsKey[p.text[i-1]] {
		if k = p.keyBefore(i); !isCompound(k.text) {
			return i + 1
		}
	}
	if k.text == "" || p.redactor.nameStrength(strings.TrimLeft(k.text, "-")) == secretwords.None {
		return i + 1
	}
	start := blank.run(p.text, i+1)
	k.sign, k.signEnd, k.strength = '=', start, secretwords.Strong
	if p.text[i] == ';' { // of PHP: the type and the length precede the value
		if !at(p.text, start, alpha) || start+1 >= len(p.text) || p.text[start+1] != ':' {
			return i + 1
		}
		if q := strings.IndexByte(p.text[start:min(len(p.text), start+16)], '"'); q >= 0 {
			k.signEnd = start + q
		}
		if v, ok := p.valueOf(&k); ok {
			return p.mask(v)
		}
		return i + 1
	}
	quotes := start
	for quotes < len(p.text) && p.text[quotes] == '\\' {
		quotes++
	}
	if quotes >= len(p.text) || p.text[quotes] != '"' && p.text[quotes] != '\'' {
		return i + 1
	}
	v, ok := p.nearValue(&k)
	if !ok || !strings.HasPrefix(k.text, "-") && !isSecretOf(k.text, p.text[v.start:v.end]) && !p.isSetter(k.start, v.next) {
		return i + 1 // a list of names
	}
	return p.mask(v)
}

// isSetter reports whether the arguments from start to end are the two of a function that sets
// something: Setenv("TOKEN", "x").
func (p *pairs) isSetter(start, end int) bool {
	if start == 0 || p.text[start-1] != '(' || end >= len(p.text) || p.text[end] != ')' {
		return false
	}
	name := p.text[(word|high).back(p.text, start-1, max(0, start-maxKey)) : start-1]
	for _, part := range [...]string{"set", "env", "define", "header", "add", "put", "property"} {
		if containsFold(name, part) {
			return true
		}
	}
	return false
}
