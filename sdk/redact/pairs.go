package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// pairs finds the values of keys that name secrets: password=x, "token": "x", Cookie: x,
// <secret>x</secret>, and the pairs of lists that name the key beside the value. It reads
// a text once, from the start. Where it cannot tell where a value ends, the value extends
// to the end of the line, of the enclosing quotes, or of the indented block.
type pairs struct {
	redactor *Redactor
	text     string
	spans    []span

	here  int   // where the step began
	line  int   // start of the line
	quote quote // the one that is open
	tag   int   // start of the XML tag, or -1

	named            int  // end of the name of a secret whose value is beside it, or 0: "name":"pin","value":"1"
	namedForm        bool // it is that of a part of a form
	namedInTag       int  // the tag that it is in
	namedInput       bool // it is that of an input field, whose value is in the same tag
	looked, manifest bool // whether the text declares a secret of Kubernetes
	value            span // the last value whose key only says that it is one
}

// maxKey is the length of the longest key in a text. Of a longer one the end counts.
const maxKey = 64

// maxBeside is how far a value may be from the key that is named beside it.
const maxBeside = 400

// findPairs appends the spans of values whose keys name secrets.
func (d *Redactor) findPairs(text string, spans []span) []span {
	p := pairs{redactor: d, text: text, spans: spans, tag: -1, namedInTag: -1}
	for i := 0; i < len(text); {
		if !isPairByte[text[i]] {
			i++
			continue
		}
		i = p.step(i)
	}
	return p.spans
}

// isPairByte is true for the bytes that step handles.
var isPairByte = func() (is [256]bool) {
	for _, c := range []byte("\n\"'`<}=:|;,>") {
		is[c] = true
	}
	return is
}()

// endsKey is true for the bytes that may stand before a sign.
var endsKey = func() (ends [256]bool) {
	for i := range ends {
		ends[i] = isKeyByte(byte(i)) || space.has(byte(i)) || strings.IndexByte("\"'`)]*?+\\", byte(i)) >= 0
	}
	return ends
}()

// step handles the byte at i and returns where to continue.
func (p *pairs) step(i int) (next int) {
	p.here = i
	switch p.text[i] {
	case '\n':
		p.line, p.quote = i+1, quote{}
		return p.formPart(i)
	case '"', '\'', '`':
		return p.quoted(i)
	case '<':
		p.tag = i
	case '}':
		p.named, p.value = 0, span{}
	case '=', ':':
		return p.sign(i, i+1)
	case '|':
		return p.cell(i)
	case ';', ',':
		return p.element(i)
	case '>':
		if i > 0 && p.text[i-1] == '-' {
			return p.sign(i-1, i+1) // an arrow
		}
		return p.closeTag(i)
	}
	return i + 1
}

// sign handles a sign between a key and a value, which is at i and ends before end.
func (p *pairs) sign(i, end int) (next int) {
	for end < len(p.text) && (p.text[end] == '=' || p.text[end] == '>' && p.text[end-1] == '=') {
		end++
	}
	if i == 0 || !endsKey[p.text[i-1]] {
		return end
	}
	if strings.HasPrefix(p.text[i:], "://") {
		return i + len("://")
	}
	k := p.keyBefore(i)
	k.sign, k.signEnd = p.text[i], end
	if k.text == "" {
		return end
	}
	k.strength = p.strength(&k)
	if k.strength != secretwords.None {
		if v, ok := p.valueOf(&k); ok {
			return p.mask(v)
		}
		return end
	}
	return p.beside(&k)
}

// mask adds a span, and returns where to continue.
func (p *pairs) mask(v value) (next int) {
	if v.end > v.start {
		p.spans = append(p.spans, span{v.start, v.end})
	}
	if n := strings.LastIndexByte(p.text[p.here:v.next], '\n'); n >= 0 {
		p.line, p.quote = p.here+n+1, quote{}
	}
	return v.next
}

// key is what stands before a sign.
type key struct {
	text     string
	start    int // in the text, with its quotes
	quoted   bool
	phrase   bool // several words of prose
	query    bool // it may be a parameter of a URL or a form
	sign     byte
	signEnd  int
	strength secretwords.Strength
}

// keyBefore returns the key before the sign at i.
func (p *pairs) keyBefore(i int) key {
	text, limit := p.text, max(0, i-maxKey-8)
	end := blank.back(text, i, limit)
	if end > limit && newline.has(text[end-1]) {
		// A quoted key may be on the line before the sign.
		if end = space.back(text, end, limit); end == limit || text[end-1] != '"' && text[end-1] != '\'' {
			return key{}
		}
	}
	if end > limit && text[end-1] == ')' { // key (of a kind)
		if n := strings.LastIndexByte(text[limit:end], '('); n > 0 {
			end = blank.back(text, limit+n, limit)
		}
	}
	for end > limit && strings.IndexByte(")]*`?+", text[end-1]) >= 0 { // [key], **key**
		end--
	}
	end = blank.back(text, end, limit)
	if end > limit && (text[end-1] == '"' || text[end-1] == '\'') {
		return p.quotedKey(end-1, limit)
	}
	for end > limit && text[end-1] == '\\' {
		end--
	}
	start := end
	for start > limit && isKeyByte(text[start-1]) {
		start--
	}
	k := key{text: strings.Trim(text[start:end], "[]"), start: start}
	k.query = start == 0 || strings.IndexByte("?&#; \t\n\"'(,", text[start-1]) >= 0
	return k
}

func isKeyByte(c byte) bool {
	return (token | high).has(c) || c == '[' || c == ']' || c == '$' || c == '%'
}

// quotedKey returns the key whose closing quote is at i.
func (p *pairs) quotedKey(i, limit int) key {
	text, end := p.text, i
	for end > limit && text[end-1] == '\\' {
		end--
	}
	start := end
	for start > limit && text[start-1] != text[i] && text[start-1] != '\n' {
		start--
	}
	return key{text: text[start:end], start: max(0, start-1), quoted: true}
}

// maxPhrase is how many words of prose before a sign can be a key: "one time code: 1".
const maxPhrase = 4

// strength returns how surely the key names a secret.
func (p *pairs) strength(k *key) secretwords.Strength {
	d := p.redactor
	if d.config.allowed[k.text] {
		return secretwords.None
	}
	if s := d.nameStrength(k.text); s != secretwords.None {
		if isCompound(k.text) {
			return secretwords.Strong // X-Api-Key is no word of prose
		}
		return s
	}
	if k.sign == '=' && k.query && secretwords.IsQuery(k.text) {
		// What looks like a signature or a code of one.
		start := k.signEnd
		end := start
		for end < len(p.text) && end < start+maxBeside && !space.has(p.text[end]) && strings.IndexByte("&\"'<>#;", p.text[end]) < 0 {
			end++
		}
		if isRandom(p.text[start:end]) {
			return secretwords.Strong
		}
	}
	if (k.text == "data" || k.text == "stringData") && k.sign == ':' && p.isManifest() {
		return secretwords.Strong // all of a secret of Kubernetes
	}
	if k.text == "P" && strings.Contains(p.text[max(p.line, k.start-maxBeside):k.start], "WIFI:") {
		return secretwords.Strong // of a network, in a code to be scanned
	}
	if k.quoted || k.text == "_auth" {
		if end := min(len(p.text), k.signEnd+maxBeside); strings.HasSuffix(k.text, "auth") && isBasic(quotedWord(p.text[k.signEnd:end])) {
			return secretwords.Strong // of a registry
		}
		return secretwords.None
	}
	return p.phrase(k)
}

// isManifest reports whether the text declares a secret of Kubernetes.
func (p *pairs) isManifest() bool {
	if !p.looked {
		p.looked = true
		for _, kind := range [...]string{"kind: Secret", `"kind":"Secret"`, `"kind": "Secret"`} {
			p.manifest = p.manifest || strings.Contains(p.text, kind)
		}
	}
	return p.manifest
}

// quotedWord returns the word at the start of a text, without its quotes.
func quotedWord(text string) string {
	text = strings.TrimLeft(text, " \t\"'\\")
	return text[:base64Chars.run(text, 0)]
}

// isCompound reports whether a name is made of several words.
func isCompound(name string) bool {
	for i := 1; i < len(name); i++ {
		if !(alnum | high).has(name[i]) || upper.has(name[i]) && lower.has(name[i-1]) {
			return true
		}
	}
	return false
}

// phrase matches the key together with the words before it: "API key: x".
func (p *pairs) phrase(k *key) secretwords.Strength {
	text, start := p.text, k.start
	if k.sign == ':' && at(text, k.start, digits) && at(text, k.signEnd-2, digits) && at(text, k.signEnd, digits) {
		return secretwords.None // a time
	}
	for range maxPhrase - 1 {
		if !at(text, start-1, blank) && text[max(0, start-1)] != '\'' || !at(text, start-2, alnum|high) {
			break
		}
		start = (word | high).back(text, start-1, max(p.line, start-1-maxKey))
		name := text[start : k.start+len(k.text)]
		s := p.redactor.nameStrength(name)
		if s == secretwords.None {
			continue
		}
		k.phrase, k.start = true, start
		if s == secretwords.Strong && p.isSurePhrase(name) {
			k.phrase = false
			return secretwords.Strong
		}
		return secretwords.Weak
	}
	return secretwords.None
}

// isSurePhrase reports whether a phrase is a name of several words, such as mot de passe, or a name
// with fillers, as in "the password is".
func (p *pairs) isSurePhrase(name string) bool {
	first, rest, _ := strings.Cut(name, " ")
	if p.redactor.nameStrength(first) == secretwords.None {
		return true
	}
	for w := range strings.FieldsSeq(rest) {
		if w == "-" || !fillers[strings.ToLower(w)] {
			return false
		}
	}
	return true
}

// Words that name a key beside its value, and that value: {"name":"pin","value":"1"}.
func isNameWord(s string) bool {
	switch strings.ToLower(s) {
	case "name", "key", "field", "header", "param", "parameter", "property", "variable", "attribute", "setting", "label", "option", "k",
		"column", "path", "question", "prompt", "title", "env-entry-name", "param-name":
		return true
	}
	return false
}

func isValueWord(s string) bool {
	switch strings.ToLower(s) {
	case "value", "val", "content", "default", "data", "text", "string", "v", "_value", "newvalue", "oldvalue", "new", "old", "new_value", "old_value",
		"answer", "env-entry-value", "param-value":
		return true
	}
	return false
}

// beside handles a key that names no secret, but may have the name of one as its value, or
// be the value of one.
func (p *pairs) beside(k *key) (next int) {
	kind := strings.EqualFold(k.text, "type") // an input field, or a credential of that type
	name := kind || isNameWord(k.text)
	if !name && !isValueWord(k.text) {
		return k.signEnd
	}
	v, ok := p.nearValue(k)
	if !ok {
		return k.signEnd
	}
	content := p.text[v.start:v.end]
	switch {
	case kind && !strings.EqualFold(content, "password"):
		return k.signEnd
	case k.text == "default" && p.named == 0 && p.isVariable(k.start):
		return p.mask(v)
	case name && p.redactor.nameStrength(strings.Trim(content, " :")) != secretwords.None && len(content) <= maxKey && !strings.ContainsAny(strings.TrimRight(content, ":"), "=:") && strings.Count(content, " ") < maxPhrase-1:
		p.named, p.namedInTag, p.namedInput = v.end, p.tag, kind && p.tag >= 0
		p.namedForm = strings.Contains(p.text[max(p.line, v.start-maxBeside):v.start], "form-data")
		if p.value.end > 0 && v.start-p.value.end < maxBeside {
			p.spans = append(p.spans, p.value)
		}
		p.value = span{}
		return v.next
	case !name && p.named > 0 && v.start-p.named < maxBeside:
		p.named = 0
		return p.mask(v)
	case !name:
		p.value = span{v.start, v.end}
		return k.signEnd
	default:
		return k.signEnd
	}
}

// isVariable reports whether the key at i is in the declaration of a variable of Terraform whose
// name is that of a secret.
func (p *pairs) isVariable(i int) bool {
	const declaration = `variable "`
	near := p.text[max(0, i-maxBeside):i]
	n := strings.LastIndex(near, declaration)
	if n < 0 {
		return false
	}
	name, rest, ok := strings.Cut(near[n+len(declaration):], `"`)
	return ok && strings.IndexByte(rest, '}') < 0 && p.redactor.nameStrength(name) != secretwords.None
}

// nearValue returns the value of a key, if it is short. It looks no further.
func (p *pairs) nearValue(k *key) (v value, ok bool) {
	near := *p
	near.text = p.text[:min(len(p.text), k.signEnd+maxBeside)]
	v, ok = near.valueOf(k)
	return v, ok && v.end > v.start && v.end < len(near.text) || v.end == len(p.text)
}

// formPart handles a line feed. The value of a part of a form follows an empty line.
func (p *pairs) formPart(i int) (next int) {
	rest := strings.TrimPrefix(p.text[i+1:], "\r")
	if !p.namedForm || p.named == 0 || !strings.HasPrefix(rest, "\n") {
		return i + 1
	}
	p.named, p.namedForm = 0, false
	start := len(p.text) - len(rest) + 1
	end := len(p.text)
	if n := strings.Index(p.text[start:], "\n--"); n >= 0 {
		end = start + n
	}
	return p.mask(value{start, end, end})
}

// closeTag handles the end of an XML tag, whose element may be a secret.
func (p *pairs) closeTag(i int) (next int) {
	start := p.tag
	p.tag = -1
	if start >= 0 {
		p.value = span{}
	}
	if p.namedInput {
		p.named, p.namedInput = 0, false
	}
	if start < 0 || i-start > maxBeside || i-start < 2 || p.text[i-1] == '/' || strings.IndexByte("/!?=- ", p.text[start+1]) >= 0 {
		return i + 1
	}
	name := p.text[start+1 : start+1+(token|high).run(p.text[start+1:i], 0)]
	if n := start + 1 + len(name); n < i && p.text[n] == ':' { // a prefix of a name space
		name = p.text[n+1 : n+1+(token|high).run(p.text[n+1:i], 0)]
	}
	named := p.named > 0 && (p.namedInTag == start || isValueWord(name) && start-p.named < maxBeside)
	switch {
	case named:
		p.named = 0
	case isNameWord(name):
		return p.nameElement(i + 1)
	case p.redactor.nameStrength(name) == secretwords.None:
		return i + 1
	}
	end := len(p.text)
	if n := strings.Index(p.text[i:], "</"); n >= 0 {
		end = i + n
	}
	content := p.text[i+1 : end]
	if strings.TrimSpace(content) == "" || isStatus(content) {
		return i + 1
	}
	first := i + 1 + space.run(content, 0)
	last := space.back(p.text, end, first)
	return p.mask(value{first, last, end})
}

// nameElement handles the content of an XML element, which begins at i, that may name the
// secret in the next element: <key>pin</key><string>1</string>.
func (p *pairs) nameElement(i int) (next int) {
	content := p.text[i:min(len(p.text), i+maxKey)]
	if n := strings.IndexByte(content, '<'); n >= 0 && p.redactor.nameStrength(strings.TrimSpace(content[:n])) != secretwords.None {
		p.named, p.namedInTag = i+n, -1
	}
	return i
}
