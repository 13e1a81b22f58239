package redact

import (
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
	login    bool     // a flag of the command has the name of a user
	account  bool     // a statement about an account: CREATE USER
	by       bool     // the word "identified" precedes
	replaced bool     // a new password precedes

	hereStart int   // of the command of the last <<<
	here      *bool // whether it reads a secret
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
		switch {
		case !mayTrigger(text[i:end], kinds):
		case end < len(text) && space.has(text[end]):
			end = p.word(i, end)
		case end < len(text) && strings.IndexByte("\"'`\\", text[end]) >= 0:
			p.listed(i, end)
		case isPhraseEnd(text, end):
			p.stated(i, end)
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
	if i > 0 && classOf[text[i-1]]&(word|high) == 0 && strings.IndexByte(punctuation, text[i-1]) >= 0 {
		i--
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
	case '/':
		if p.command != nil && at(p.text, i-1, blank) && at(p.text, i+1, alpha) {
			if next, ok := p.commandFlag(i, p.text[i:alpha.run(p.text, i+1)]); ok {
				return max(i+1, next)
			}
		}
	case '<':
		if strings.HasPrefix(p.text[i:], "<<<") {
			return p.hereString(i)
		}
	case '\n':
		p.below(i)
		if i > 0 && p.text[i-1] == '\\' {
			break // the command continues
		}
		p.endCommand()
	case '|', ';':
		p.endCommand()
	}
	return i + 1
}

// endCommand forgets the command, or the statement, that ends.
func (p *prose) endCommand() {
	p.command, p.login, p.account, p.by, p.replaced = nil, false, false, false, false
}

// punctuation may follow the last word of a phrase.
const punctuation = ".,;!?)"

// isPhraseEnd reports whether a phrase ends at i: at the end of the text, or at a sign before a
// blank or the end.
func isPhraseEnd(text string, i int) bool {
	return i == len(text) || strings.IndexByte(punctuation, text[i]) >= 0 && (i+1 == len(text) || space.has(text[i+1]))
}

// listed handles the word from i to end, before a quote, which may be the name of a command in a
// list: ["mysql", "-px"].
func (p *prose) listed(i, end int) {
	var buffer [maxTrigger]byte
	t := triggers[string(lowerWord(p.text[i:end], &buffer))]
	if after := blank.run(p.text, end+1); t.kind == triggerProtocol && after > end+1 && after < len(p.text) && p.text[after] == '"' {
		p.protocol(i, after)
	}
	if t.command != nil && p.nextArgument(end) > end {
		p.command, p.login = t.command, false
		p.operands(t.command, end)
	}
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
		return max(end, p.quotedArguments(start))
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

// quotedArguments masks the arguments of a function, in quotes, of which the first is at i. Which
// of several is the secret is not worth the risk.
func (p *prose) quotedArguments(i int) (next int) {
	for next = p.argument(i, true); p.textAt(next) == ','; next = p.argument(i, true) {
		i = space.run(p.text, next+1)
		if q, ok := openQuote(p.text, i); !ok || q.start-i != 1 {
			break
		}
	}
	return next
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
		p.command, p.login = t.command, false
		p.operands(t.command, end)
	}
	switch t.kind {
	case triggerEcho:
		p.echoed(end)
	case triggerReplace:
		if p.replaced {
			return max(end, p.argument(after, true))
		}
	case triggerProtocol:
		if next, ok := p.protocol(i, after); ok {
			return next
		}
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
			p.by, p.replaced = false, p.account
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
		p.stated(i, end)
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
	triggerEcho     // what it writes may be read as a secret
	triggerReader   // it may read a secret after <<<
	triggerReplace  // the old password of an account follows
	triggerProtocol // a secret, or a name and a secret, of a protocol of lines
)

// maxTrigger is the length of the longest word that is looked up.
const maxTrigger = 24

// triggers has the words that something may follow, in lower case. triggerFilter has a bit
// for each of them, by filterBit: most words of a text need no more than that.
var triggers, triggerFilter = func() (words map[string]trigger, filter [64]uint64) {
	words = map[string]trigger{}
	for _, name := range secretwords.LastWords() {
		words[name] = trigger{name: true}
	}
	for _, name := range secretwords.Directives() {
		words[name] = trigger{name: true}
	}
	for name, c := range commands {
		t := words[name]
		t.command = c
		words[name] = t
	}
	for kind, list := range map[uint8]string{
		triggerScheme: "bearer basic token digest ntlm negotiate apikey plain", triggerAccount: "create alter grant",
		triggerIdentified: "identified", triggerBy: "by", triggerValues: "values", triggerEcho: "echo printf",
		triggerReader: "su sudo chpasswd cryptsetup kinit", triggerReplace: "replace", triggerProtocol: "auth login",
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

// proseWords follow the name of a flag in a sentence about it.
var proseWords = map[string]bool{
	"to": true, "and": true, "or": true, "is": true, "flag": true, "option": true, "for": true, "in": true, "with": true,
	"the": true, "a": true, "must": true, "when": true, "as": true, "was": true, "flags": true, "options": true, "if": true, "from": true,
}
