package redact

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// prose finds secrets after words: Bearer x, IDENTIFIED BY 'x', --password x, mysql -px,
// "the password is x". It reads a text once, word by word.
type prose struct {
	redactor *Redactor
	text     string
	spans    []span
	command  *command // whose flags follow, or nil
	account  bool     // a statement about an account: CREATE USER
	by       bool     // the word "identified" precedes
}

// findProse appends the spans of secrets after words.
func (d *Redactor) findProse(text string, spans []span) []span {
	p := prose{redactor: d, text: text, spans: spans}
	for i := 0; i < len(text); {
		kinds := classOf[text[i]]
		if kinds&(alnum|high) == 0 {
			i = p.sign(i)
			continue
		}
		end := i + 1
		for end < len(text) && classOf[text[end]]&(word|high) != 0 {
			kinds |= classOf[text[end]]
			end++
		}
		switch {
		case kinds&high != 0 && kinds&alnum != 0:
			p.joined(i, end)
		case end == len(text):
		case text[end] == '(' || text[end] == '[':
			i = p.call(i, end)
			continue
		}
		if end < len(text) && space.has(text[end]) && mayTrigger(text[i:end], kinds) {
			end = p.word(i, end)
		}
		i = end
	}
	return p.spans
}

// mayTriggerAt reports whether a secret may follow the space at i: after a word, or as the
// value of a flag.
func mayTriggerAt(text string, i int) bool {
	if at(text, i+1, hyphen) {
		return true
	}
	start, kinds := i, class(0)
	for start > 0 && classOf[text[start-1]]&(word|high) != 0 {
		start--
		kinds |= classOf[text[start]]
	}
	return start < i && (text[start] == '-' || mayTrigger(text[start:i], kinds))
}

// sign handles the byte at i, which is in no word, and returns where to continue.
func (p *prose) sign(i int) (next int) {
	switch c := p.text[i]; c {
	case '-':
		if !at(p.text, i-1, word|high) && at(p.text, i+1, alpha|hyphen) {
			return p.flag(i)
		}
	case '\n', '|', ';':
		p.command, p.account, p.by = nil, false, false
	}
	return i + 1
}

// joined masks a secret that is joined to its name, in a script without blanks.
func (p *prose) joined(i, end int) {
	for at := i; at < end; at++ {
		if !alnum.has(p.text[at]) {
			continue
		}
		stop := min(word.run(p.text, at), end)
		if isRandom(p.text[at:stop]) && p.redactor.nameStrength(p.text[i:at]) != secretwords.None {
			p.spans = append(p.spans, span{at, stop})
		}
		at = stop
	}
}

// call masks the argument of a function that sets a secret: setPassword("x"), token[x]. The
// name is from i to end, before a bracket.
func (p *prose) call(i, end int) (next int) {
	start := end + 1
	if end-i > maxKey || p.redactor.nameStrength(p.text[i:end]) == secretwords.None {
		return end
	}
	if q, ok := openQuote(p.text, start); ok && q.start-start == 1 {
		return max(end, p.argument(start, true))
	}
	stop := start
	for stop < len(p.text) && stop < start+maxBeside && strings.IndexByte(")],", p.text[stop]) < 0 && !space.has(p.text[stop]) {
		stop++
	}
	if !isRandom(p.text[start:stop]) {
		return end
	}
	p.spans = append(p.spans, span{start, stop})
	return stop
}

// word handles the word from i to end and returns where to continue.
func (p *prose) word(i, end int) (next int) {
	var buffer [maxTrigger]byte
	t, ok := triggers[string(lowerWord(p.text[i:end], &buffer))]
	if !ok {
		if alnum.run(p.text, i) < end && at(p.text, end, blank) && end-i <= maxKey {
			return p.named(i, end) // aws_secret_access_key x
		}
		return end
	}
	after := blank.run(p.text, end)
	if t.command != nil && after > end {
		p.command = t.command
	}
	switch t.kind {
	case triggerScheme:
		if next, ok := p.scheme(strings.ToLower(p.text[i:end]), space.run(p.text, end)); ok {
			return next
		}
	case triggerAccount:
		p.account = true
	case triggerIdentified:
		p.by = true
	case triggerBy:
		if p.by {
			p.by = false
			stop := alpha.run(p.text, after)
			return max(end, p.argument(after, p.account && !proseWords[p.text[after:stop]]))
		}
	case triggerValues:
		if end := p.inserted(i); end > after {
			p.spans = append(p.spans, span{after, end})
			return end
		}
	}
	if t.name {
		return p.named(i, end)
	}
	return end
}

// trigger says what to do at a word.
type trigger struct {
	kind    uint8
	name    bool // it is the last word of a name
	command *command
}

const (
	triggerScheme = iota + 1
	triggerAccount
	triggerIdentified
	triggerBy
	triggerValues
)

// maxTrigger is the length of the longest word that is looked up.
const maxTrigger = 16

// triggers has the words that something may follow, in lower case. triggerFilter has a bit
// for each of them, by filterBit: most words of a text need no more than that.
var triggers, triggerFilter = func() (words map[string]trigger, filter [64]uint64) {
	words = map[string]trigger{}
	for _, name := range secretwords.LastWords() {
		words[name] = trigger{name: true}
	}
	for name, c := range commands {
		words[name] = trigger{command: c}
	}
	for kind, list := range map[uint8]string{
		triggerScheme: "bearer basic token digest ntlm negotiate apikey plain", triggerAccount: "create alter grant",
		triggerIdentified: "identified", triggerBy: "by", triggerValues: "values",
	} {
		for name := range strings.FieldsSeq(list) {
			t := words[name]
			t.kind = kind
			words[name] = t
		}
	}
	for name := range words {
		bit := filterBit(name)
		filter[bit/64] |= 1 << (bit % 64)
	}
	return words, filter
}()

// filterBit returns a number below 4096 that depends on the length of a word and on three of
// its bytes, in lower case.
func filterBit(w string) uint {
	const small = 0x20
	sum := uint(len(w)) + uint(w[0]|small)*37 + uint(w[len(w)/2]|small)*151 + uint(w[len(w)-1]|small)*643
	return sum % 4096
}

// mayTrigger reports whether a word, whose bytes are of these kinds, may be a trigger, or a
// name of several words.
func mayTrigger(w string, kinds class) bool {
	bit := filterBit(w)
	return triggerFilter[bit/64]>>(bit%64)&1 != 0 || kinds&(underscore|hyphen) != 0 && len(w) > 8
}

// lowerWord returns the word in lower case, in the buffer if it is short.
func lowerWord(w string, buffer *[maxTrigger]byte) []byte {
	if len(w) > maxTrigger {
		return []byte(w) // a word of another script
	}
	for i := range len(w) {
		c := w[i]
		if upper.has(c) {
			c |= 0x20
		}
		buffer[i] = c
	}
	return buffer[:len(w)]
}

func (p *prose) textAt(i int) byte {
	if i < len(p.text) {
		return p.text[i]
	}
	return 0
}

// scheme masks what follows the name of an authentication scheme, if it looks like its
// credentials: a "basic course" has none.
func (p *prose) scheme(name string, i int) (next int, ok bool) {
	q, quoted := openQuote(p.text, i)
	if quoted = quoted && q.start-i == 1; quoted {
		i = q.start
	}
	end := (base64Chars | token | tilde).run(p.text, i)
	content := p.text[i:end]
	switch name {
	case "basic":
		ok = isBasic(content)
	case "plain": // SASL: names and a password after null bytes
		ok = strings.Count(decodeBase64(content), "\x00") == 2
	case "bearer":
		ok = len(content) >= 8 && isMixed(content) && isRandom(content) || len(content) >= 20
	case "digest":
		if strings.HasPrefix(content, "username=") {
			ok, end = true, lineEnd(p.text, i)
		}
	case "token", "apikey":
		ok = len(content) >= 8 && !strings.Contains(strings.TrimRight(content, "="), "=") && isMixed(content) && isRandom(content)
	default:
		ok = len(content) >= 20 && isRandom(content)
	}
	if !ok {
		return end, false
	}
	end = p.wordEnd(end)
	next = end
	if quoted {
		end, next = q.end(p.text)
	}
	p.spans = append(p.spans, span{i, end})
	return next, true
}

// wordEnd returns the end of the word of a sentence that begins before or at i.
func (p *prose) wordEnd(i int) int {
	for i < len(p.text) && !space.has(p.text[i]) && strings.IndexByte(",;\"'<>()", p.text[i]) < 0 {
		i++
	}
	return i
}

// isMixed reports whether the text has both digits and letters, like random text.
func isMixed(text string) bool {
	return strings.ContainsAny(text, "0123456789") && alpha.run(strings.TrimLeft(text, "0123456789_-.+/="), 0) > 0
}

// isBasic reports whether the text is the Base64 of a name, a colon and a password.
func isBasic(text string) bool {
	text = strings.TrimRight(text, "=.")
	if len(text) < 4 || len(text) > 4096 {
		return false
	}
	name, password, ok := strings.Cut(decodeBase64(text), ":")
	return ok && isPrintable(name) && (isPrintable(password) || len(text) > 40)
}

// fillers are words between the name of a secret and the secret.
var fillers = map[string]bool{
	"is": true, "was": true, "are": true, "to": true, "set": true, "now": true, "changed": true, "updated": true, "rotated": true, "reset": true, "used": true,
	"ist": true, "lautet": true, "est": true, "es": true, "with": true, "of": true, "number": true, "no": true, "code": true, "value": true, "e": true,
}

// named masks the word after the name of a secret, if it looks like one: "password x",
// "PIN is 1234", PASSWORD 'x'.
func (p *prose) named(i, end int) (next int) {
	strength := p.redactor.nameStrength(p.text[i:end])
	if strength == secretwords.None {
		strength = p.phraseBefore(i, end)
	}
	if strength == secretwords.None {
		return end
	}
	start := blank.run(p.text, end)
	if q, ok := openQuote(p.text, start); ok && q.start-start == 1 && start > end {
		if content, _ := q.end(p.text); isPasswordWord(p.text[i:end]) || isRandom(p.text[q.start:content]) {
			return p.argument(start, true)
		}
		return end // the name of a token, say
	}
	for range 3 {
		stop := alpha.run(p.text, start)
		if stop == start || stop-start > 8 || !fillers[strings.ToLower(p.text[start:stop])] {
			break
		}
		if p.textAt(stop) == ':' {
			stop++
		}
		start = blank.run(p.text, stop)
	}
	if p.textAt(start) == '(' && start > end {
		start++
	}
	stop := p.wordEnd(start)
	if from, ok := cutWord(p.text, start, "from"); ok { // changed from x to y
		if next := p.between(from); next > 0 {
			return next
		}
	}
	candidate := strings.TrimRight(p.text[start:stop], ".:!?")
	sure := strength == secretwords.Strong || isCompound(p.text[i:end]) || isMixed(candidate)
	if sure && isSecretOf(p.text[i:end], candidate) && !hasSign(candidate) || isShortCode(candidate, p.text[i:end]) {
		p.spans = append(p.spans, span{start, start + len(candidate)})
		return start + len(candidate)
	}
	return end
}

// hasSign reports whether a word has a sign between a key and a value. Base64 ends with some.
func hasSign(word string) bool {
	key, _, ok := strings.Cut(strings.TrimRight(word, "="), "=")
	return ok && token.run(key, 0) == len(key)
}

// cutWord returns what follows a word and blanks, if the word is at i.
func cutWord(text string, i int, word string) (next int, ok bool) {
	if !hasPrefixFold(text[i:], word) {
		return i, false
	}
	next = blank.run(text, i+len(word))
	return next, next > i+len(word)
}

// between masks the old secret at start, and the new one after the word "to". It returns 0 if
// neither looks like one.
func (p *prose) between(start int) (next int) {
	old, next := p.quotedOrWord(start)
	both := []span{old}
	if to, ok := cutWord(p.text, blank.run(p.text, next), "to"); ok {
		fresh, end := p.quotedOrWord(to)
		both, next = append(both, fresh), end
	}
	for _, s := range both {
		if isRandom(p.text[s.start:s.end]) {
			p.spans = append(p.spans, slices.DeleteFunc(both, func(s span) bool { return s.end == s.start })...)
			return next
		}
	}
	return 0
}

// quotedOrWord returns the text in quotes, or the word of a sentence, that begins at i, and where
// it ends with its quotes.
func (p *prose) quotedOrWord(i int) (s span, next int) {
	if q, ok := openQuote(p.text, i); ok && q.start-i == 1+q.depth {
		end, next := q.end(p.text)
		return span{q.start, end}, next
	}
	next = p.wordEnd(i)
	return span{i, i + len(strings.TrimRight(p.text[i:next], ".:!?"))}, next
}

// isPasswordWord reports whether statements have the word before a quoted secret.
func isPasswordWord(name string) bool {
	return hasPrefixFold(name, "pass") || hasPrefixFold(name, "pwd")
}

// phraseBefore returns how surely the words that end at end name a secret: "API key".
func (p *prose) phraseBefore(i, end int) secretwords.Strength {
	for range 2 {
		if !at(p.text, i-1, blank) || !at(p.text, i-2, alnum|high) {
			break
		}
		i = (word | high).back(p.text, i-1, max(0, i-maxKey))
		if p.redactor.nameStrength(p.text[i:end]) == secretwords.Weak {
			return secretwords.Weak
		}
	}
	return secretwords.None
}

// isShortCode reports whether the candidate after the name of a PIN, a code or a token is
// a number of some digits.
func isShortCode(candidate, name string) bool {
	n := digits.run(candidate, 0)
	if n != len(candidate) || n < 3 || n > 10 {
		return false
	}
	switch name = strings.ToLower(name); name {
	case "cvv", "cvc", "cvv2", "cvc2":
		return n <= 4
	case "ssn", "sin", "tin":
		return n == 9
	case "pin", "otp", "code", "totp", "passcode", "password", "pincode":
		return n >= 4
	}
	return false
}

// proseWords follow the name of a flag in a sentence about it.
var proseWords = map[string]bool{
	"to": true, "and": true, "or": true, "is": true, "flag": true, "option": true, "for": true, "in": true, "with": true,
	"the": true, "a": true, "must": true, "when": true, "as": true, "was": true, "flags": true, "options": true, "if": true, "from": true,
}
