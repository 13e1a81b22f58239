package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// value is the part of a text that a key has as its value. next is where the search
// continues.
type value struct{ start, end, next int }

// quote is an open quote: its character, and how many backslashes precede it, because the
// text is itself within a quoted text.
type quote struct {
	char  byte
	depth int
	start int // after the quote
}

// closes reports whether the quote at i, with its backslashes, closes q. Of n backslashes
// before it, each 2*depth+2 stand for one in the quoted text.
func (q quote) closes(text string, i int) bool {
	if text[i] != q.char {
		return false
	}
	n := 0
	for i-n > q.start && text[i-n-1] == '\\' {
		n++
	}
	return n < q.depth || n%(2*q.depth+2) == q.depth
}

// end returns where the quoted text ends: at its closing quote, with its backslashes, or
// at the end of the text. next is after the quote. A doubled quote, as in SQL, is content.
func (q quote) end(text string) (end, next int) {
	for i := q.start; i < len(text); i++ {
		if text[i] == '\\' && q.depth == 0 {
			i++
			continue
		}
		if text[i] != q.char || !q.closes(text, i) {
			continue
		}
		if q.depth == 0 && i > q.start && i+1 < len(text) && text[i+1] == q.char {
			i++
			continue
		}
		end = i
		for n := 0; n < q.depth && end > q.start && text[end-1] == '\\'; n++ {
			end--
		}
		return end, i + 1
	}
	return len(text), len(text)
}

// openQuote returns the quote that a value at i begins with, after letters such as the b
// of Python.
func openQuote(text string, i int) (q quote, ok bool) {
	for n := 0; n < 2 && i < len(text) && strings.IndexByte("bBuUrRfFnN@$", text[i]) >= 0; n++ {
		i++
	}
	start := i
	for i < len(text) && text[i] == '\\' {
		i++
	}
	if i == len(text) || text[i] != '"' && text[i] != '\'' && text[i] != '`' {
		return quote{}, false
	}
	return quote{char: text[i], depth: i - start, start: i + 1}, true
}

// quoted handles a quote at i, which opens or closes a quoted text.
func (p *pairs) quoted(i int) (next int) {
	switch {
	case p.quote.char == 0:
		depth := 0
		for i-depth > p.line && p.text[i-depth-1] == '\\' {
			depth++
		}
		if p.text[i] == '"' || !at(p.text, i-1, alnum|high) { // no apostrophe
			p.quote = quote{char: p.text[i], depth: depth, start: i + 1}
		}
	case p.quote.closes(p.text, i):
		p.quote = quote{}
	}
	return i + 1
}

// valueOf returns the value after the sign of a key. ok is false if there is none, or none
// that can be a secret: "password: required".
func (p *pairs) valueOf(k *key) (v value, ok bool) {
	text := p.text
	start := blank.run(text, k.signEnd)
	if at(text, start, newline) && p.quote.char == 0 || start == len(text) {
		return p.valueBelow(k, start)
	}
	if q, quoted := openQuote(text, start); quoted && (p.quote.char != q.char || !p.quote.closes(text, q.start-1)) {
		return p.quotedValue(q)
	}
	switch {
	case strings.IndexByte("{[", text[start]) >= 0:
		v, ok = p.nested(start)
		return v, ok && !isStatus(text[v.start:v.end])
	case strings.HasPrefix(text[start:], "<<"): // the lines up to a word
		return value{start, len(text), len(text)}, true
	case strings.HasPrefix(text[start:], "<!["):
		return value{start, len(text), len(text)}, true
	case (text[start] == '|' || text[start] == '>') && k.sign == ':':
		if end := start + strings.IndexByte(text[start:min(len(text), start+4)], '\n'); end > start { // a block of YAML
			return p.valueBelow(k, end)
		}
	}
	if k.quoted {
		if v, ok := p.literal(start); ok {
			return v, v.end > v.start && !isStatus(text[v.start:v.end])
		}
	}
	if !p.isEvident(k, text[start:lineEnd(text[:min(len(text), start+maxEvidence)], start)]) {
		return v, false
	}
	v = p.unquoted(k, start)
	if v.end <= v.start || isStatus(text[v.start:v.end]) {
		return v, false
	}
	if k.sign == ':' || k.sign == '=' && isHeader(k.text) {
		v.start += schemeLength(k.text, text[v.start:v.end])
	}
	return v, v.end > v.start
}

// maxEvidence is how much of a value is looked at to tell whether it is one.
const maxEvidence = 128

// isEvident reports whether an unquoted value can be that of a secret. In prose a short
// word before a colon is not sure to name one.
func (p *pairs) isEvident(k *key, content string) bool {
	if k.strength == secretwords.Strong && !k.phrase {
		return true
	}
	if (k.sign == '=' || !at(p.text, k.signEnd, space)) && !k.phrase || k.strength == secretwords.None || isHeader(k.text) && strings.Contains(content, "=") {
		return true
	}
	if p.isLogin(k) {
		return true
	}
	first := content[:len(content)-len(strings.TrimLeft(content, "0123456789"))]
	if len(first) >= 3 {
		return true
	}
	if isSeed(k.text, content) {
		return true
	}
	for field := range strings.FieldsSeq(content) {
		return isRandom(strings.TrimRight(field, ".,;:!?")) || isGrouped(field)
	}
	return false
}

// isLogin reports whether the name of a user is on the line before the key, or before it on its line,
// so that pass is a password: "user: bob pass: x".
func (p *pairs) isLogin(k *key) bool {
	if !strings.EqualFold(k.text, "pass") && !strings.EqualFold(k.text, "pw") {
		return false
	}
	before := p.text[max(0, k.start-maxBeside/4):k.start]
	if n := strings.LastIndexByte(before, '\n'); n >= 0 {
		before = before[strings.LastIndexByte(before[:n], '\n')+1:]
	}
	return containsFold(before, "user") || containsFold(before, "login") || containsFold(before, "mail")
}

// isSeed reports whether a value is the words from which the key of a wallet is made, by their
// number.
func isSeed(key, content string) bool {
	switch strings.ToLower(key) {
	case "mnemonic", "phrase", "seed", "words":
		return len(strings.Fields(content)) >= 12
	}
	return false
}

// isGrouped reports whether a word has digits and letters, as identity numbers have.
func isGrouped(word string) bool {
	return strings.ContainsAny(word, "0123456789") && len(word) >= 5
}

// isHeader reports whether the key is a header that holds several values.
func isHeader(name string) bool {
	switch strings.ToLower(name) {
	case "cookie", "set-cookie", "set-cookie2", "authorization", "proxy-authorization", "authorisation":
		return true
	}
	return false
}

// schemeLength returns the length of the authentication scheme that the value of a header
// begins with, and of the blanks after it. The scheme is no secret.
func schemeLength(name, content string) int {
	if !strings.HasSuffix(strings.ToLower(name), "authorization") {
		return 0
	}
	n := word.run(content, 0)
	switch strings.ToLower(content[:n]) {
	case "basic", "bearer", "token", "digest", "negotiate", "ntlm", "apikey", "hawk", "oauth", "aws4-hmac-sha256", "sharedkey", "key":
		if after := blank.run(content, n); after > n && after < len(content) {
			return after
		}
	}
	return 0
}

// quotedValue returns the value in quotes. What continues after them, as in "a" + "b",
// belongs to it.
func (p *pairs) quotedValue(q quote) (v value, ok bool) {
	text := p.text
	if triple := strings.Repeat(string(q.char), 2); q.depth == 0 && strings.HasPrefix(text[q.start:], triple) {
		start := q.start + len(triple)
		if n := strings.Index(text[start:], triple+string(q.char)); n >= 0 {
			return value{start, start + n, start + n + 3}, n > 0
		}
		return value{start, len(text), len(text)}, true
	}
	end, next := q.end(text)
	if next < len(text) {
		if after := blank.run(text, next); after < len(text) && strings.IndexByte("+.\"'`\\", text[after]) >= 0 && !p.isEscapedSeparator(after) {
			end = lineEnd(text, next)
			next = end
		}
	}
	return value{q.start, end, next}, end > q.start && !isStatus(text[q.start:end])
}

// isEscapedSeparator reports whether the backslash at i begins an escape between values,
// such as \n, or a quote ends an enclosing text.
func (p *pairs) isEscapedSeparator(i int) bool {
	c := p.text[i]
	return c == '\\' || p.quote.char == c || c == '.' && !at(p.text, blank.run(p.text, i+1), ^class(0)) || c == '.' && at(p.text, i+1, space)
}

// nested returns the content of the brackets at i, which may be nested, or all the rest.
func (p *pairs) nested(i int) (v value, ok bool) {
	text, depth := p.text, 0
	for j := i; j < len(text); j++ {
		switch text[j] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return value{i + 1, j, j + 1}, j > i+1
			}
		case '"':
			n := 0
			for j-n > i && text[j-n-1] == '\\' {
				n++
			}
			_, next := quote{char: '"', depth: n, start: j + 1}.end(text)
			j = next - 1
		}
	}
	return value{i + 1, len(text), len(text)}, len(text) > i+1
}

// literal returns a number or a word of JSON at i. ok is false if the value is none.
func (p *pairs) literal(i int) (v value, ok bool) {
	end := i
	for end < len(p.text) && ((token | plus).has(p.text[end]) || p.text[end] == '*') {
		end++
	}
	if end == i {
		return value{}, false
	}
	after := space.run(p.text, end)
	if after == len(p.text) || strings.IndexByte(",}])", p.text[after]) >= 0 {
		return value{i, end, end}, true
	}
	return value{}, false
}

func lineEnd(text string, i int) int {
	if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(text)
}

// unquoted returns the value without quotes at i.
func (p *pairs) unquoted(k *key, i int) value {
	text, end := p.text, i
loop:
	for ; end < len(text); end++ {
		switch c := text[end]; {
		case c == '\n':
			if !p.continues(end) {
				break loop
			}
		case p.quote.char != 0 && c == p.quote.char && p.quote.closes(text, end):
			if c == '\'' && at(text, end+1, alnum) {
				continue // an apostrophe
			}
			for n := 0; n < p.quote.depth && end > i && text[end-1] == '\\'; n++ {
				end--
			}
			break loop
		case c == '<' && end+1 < len(text) && (text[end+1] == '/' || text[end+1] == 'b') && p.quote.char == 0:
			break loop
		case k.sign == '=' && isSeparator(text, end) && !isHeader(k.text) && startsPair(text, end+1):
			break loop
		}
	}
	last := space.back(text, end, i)
	return value{i, last, end}
}

// isSeparator reports whether the byte at i may separate pairs. Of several blanks the first
// does.
func isSeparator(text string, i int) bool {
	return strings.IndexByte("&;,|", text[i]) >= 0 || blank.has(text[i]) && !blank.has(text[i-1])
}

// continues reports whether the value continues on the line after the line feed at i: if
// that is indented more than its key, or the line ends in a backslash.
func (p *pairs) continues(i int) bool {
	text := p.text
	if last := strings.TrimRight(text[p.line:i], "\r"); strings.HasSuffix(last, "\\") {
		return true
	}
	next := blank.run(text, i+1)
	if next == len(text) || newline.has(text[next]) {
		return false
	}
	return next-i-1 > blank.run(text, p.line)-p.line && !startsPair(text, next) && !startsLinePair(text, next)
}

// startsPair reports whether a key and an equals sign are at i, after a blank.
func startsPair(text string, i int) bool {
	i = blank.run(text, i)
	if !at(text, i, alpha|underscore) {
		return false
	}
	end := i
	for end < len(text) && end < i+maxKey && (isKeyByte(text[end]) || text[end] == ' ' && at(text, end+1, alpha) && at(text, end-1, alpha)) {
		if text[end] == ' ' && !at(text, i-1, ^class(0)) && i > 0 && text[i-1] != ';' {
			return false // only the keys of connection strings have blanks
		}
		end++
	}
	return end < len(text) && text[end] == '=' && (end+1 == len(text) || text[end+1] != '=')
}

// startsLinePair reports whether a key and a colon are at i, as on a line of YAML.
func startsLinePair(text string, i int) bool {
	end := i
	for end < len(text) && end < i+maxKey && isKeyByte(text[end]) {
		end++
	}
	return end > i && end < len(text) && text[end] == ':' && (end+1 == len(text) || space.has(text[end+1]))
}

// valueBelow returns the value that begins on the line after the one that ends at i: a
// quoted one, the lines that are indented more than the key, or the elements of a list. If
// none is, it is the next line, unless that has a key of its own.
func (p *pairs) valueBelow(k *key, i int) (v value, ok bool) {
	text := p.text
	start := space.run(text, i)
	if start == len(text) {
		return value{}, false
	}
	first := strings.LastIndexByte(text[:start], '\n') + 1
	if q, quoted := openQuote(text, start); quoted {
		return p.quotedValue(q)
	}
	if text[start] == '{' || text[start] == '[' {
		return p.nested(start)
	}
	indent := blank.run(text, p.line) - p.line
	if at(text, p.line+indent, hyphen) {
		indent += 2 // the key is in an element of a list
	}
	end := first
	for end < len(text) {
		column := blank.run(text, end) - end
		rest := text[end+column:]
		isBlank := rest == "" || newline.has(rest[0])
		if !isBlank && column <= indent && (column != indent || !strings.HasPrefix(rest, "- ")) {
			break
		}
		end = min(lineEnd(text, end)+1, len(text))
	}
	end = space.back(text, end, start)
	if end > start {
		return value{start, end, end}, true
	}
	if k.sign != ':' && k.sign != '=' || startsPair(text, start) || startsLinePair(text, start) {
		return value{}, false
	}
	end = space.back(text, lineEnd(text, start), start)
	if strings.Count(text[i:start], "\n") > 1 && strings.IndexByte(text[start:end], ' ') >= 0 {
		return value{}, false // a paragraph of its own
	}
	return value{start, end, end}, !isStatus(text[start:end]) && p.isEvident(k, text[start:end])
}
