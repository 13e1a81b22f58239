package redact

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// fillers are words between the name of a secret and the secret, in several languages.
var fillers = foldedSet(`is was are to set now changed updated rotated reset used reads with of number no code value
	ist lautet lautete war wird wurde heißt auf jetzt nun neu est était devient es era será é è luidt är er jest je jeste este
	yra ir это е је είναι -`)

// nameFillers are fillers that are other words in English: they count after these names only.
var nameFillers = map[string]map[string]bool{"on": foldedSet("salasana salasanasi salasanani tunnussana parool salasõna")}

// sureFillers are fillers that only a secret follows, even one that is a word of a language.
var sureFillers = foldedSet("lautet lautete luidt reads")

// notSecrets follow such a filler in other sentences.
var notSecrets = foldedSet("wie nicht noch weiterhin anders folgendermaßen immer also as like not aanders als niet zoals the a an")

// prepositions are words between the name of a secret and what it is for.
var prepositions = foldedSet("for of von vom für zum zur des der de du del della di da do dos para per pour voor van för til till od do dla для от к за")

// foldedSet returns the words of a text as the folded text has them.
func foldedSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[strings.ToLower(secretwords.FoldText(w))] = true
	}
	return set
}

// maxFillers is how many fillers may be between a name and its secret.
const maxFillers = 4

// maxFiller is the length of the longest filler, and of the longest word that describes a secret.
const maxFiller = 16

// named masks the word after the name of a secret, if it looks like one: "password x",
// "PIN is 1234", PASSWORD 'x'.
func (p *prose) named(i, end int) (next int) {
	strength, _ := p.strengthOf(i, end)
	if strength == secretwords.None {
		return end
	}
	name, start := p.text[i:end], blank.run(p.text, end)
	if q, ok := openQuote(p.text, start); ok && q.start-start == 1 && start > end {
		if content, _ := q.end(p.text); isPasswordWord(name) || secretwords.IsDirective(name) || isRandom(p.text[q.start:content]) {
			return p.argument(start, true)
		}
		return end // the name of a token, say
	}
	if secretwords.IsDirective(name) && start > end && p.isDirective(start) {
		return p.argument(start, true)
	}
	if strength == secretwords.Strong {
		start = p.afterPreposition(start)
	}
	start, sure := p.afterFillers(name, start)
	if p.textAt(start) == '(' && start > end {
		start++
	}
	if from, ok := cutWord(p.text, start, "from"); ok { // changed from x to y
		if next := p.between(from); next > 0 {
			return next
		}
	}
	candidate := p.text[start:p.wordEnd(start)]
	if !sure {
		candidate = strings.TrimRight(candidate, ".:!?")
	}
	if p.isNamed(name, candidate, strength, sure) {
		p.spans = append(p.spans, span{start, start + len(candidate)})
		return start + len(candidate)
	}
	return end
}

// isNamed reports whether a word after the name of a secret is that secret.
func (p *prose) isNamed(name, candidate string, strength secretwords.Strength, sure bool) bool {
	if candidate == "" || hasSign(candidate) {
		return false
	}
	if sure && strength == secretwords.Strong {
		return !notSecrets[strings.ToLower(candidate)] && !isStatus(candidate)
	}
	if strength == secretwords.Strong || isCompound(name) || isMixed(candidate) {
		if isSecretOf(name, candidate) || strength == secretwords.Strong && isPasswordLike(candidate) {
			return true
		}
	}
	return isShortCode(candidate, name)
}

// isDirective reports whether the word at i is the value of a directive, such as bindpw, and no
// sentence about it.
func (p *prose) isDirective(i int) bool {
	first := strings.ToLower(p.text[i:(alpha|high).run(p.text, i)])
	return !proseWords[first] && !fillers[first] && !statusWords[first] && i < len(p.text) && p.text[i] != '-'
}

// afterFillers returns where the word begins that follows the fillers at i, and whether one of them
// precedes secrets only.
func (p *prose) afterFillers(name string, i int) (start int, sure bool) {
	for range maxFillers {
		stop := (alpha | high).run(p.text, i)
		if stop == i && p.textAt(i) == '-' && at(p.text, i+1, blank) {
			stop++
		}
		if stop == i || stop-i > maxFiller {
			break
		}
		filler := strings.ToLower(p.text[i:stop])
		if !fillers[filler] && !nameFillers[filler][strings.ToLower(name)] && (stop-i != 1 || !digits.has(p.text[i])) {
			break
		}
		sure = sure || sureFillers[filler]
		if p.textAt(stop) == ':' {
			stop++
		}
		i = blank.run(p.text, stop)
	}
	if at(p.text, i, digits) && at(p.text, i+1, blank) { // the kind of a password, of routers
		if start = blank.run(p.text, i+1); isRandom(p.text[start:p.wordEnd(start)]) {
			i = start
		}
	}
	return i, sure
}

// afterPreposition returns where the filler begins that follows what a secret is for, if that is
// at i: "for the server is". Otherwise it returns i.
func (p *prose) afterPreposition(i int) (start int) {
	stop := (alpha | high).run(p.text, i)
	if stop == i || stop-i > maxFiller || !at(p.text, stop, blank) || !prepositions[strings.ToLower(p.text[i:stop])] {
		return i
	}
	for at := i; ; {
		if stop-at <= maxFiller && fillers[strings.ToLower(p.text[at:stop])] && at > i {
			return at
		}
		next := blank.run(p.text, stop)
		if next == stop || next-i > maxKey {
			return i
		}
		at, stop = next, (token|high).run(p.text, next)
		if stop == at {
			return i
		}
	}
}

// isPasswordLike reports whether a word has letters and then digits, as many passwords have, and
// no sign of a name.
func isPasswordLike(word string) bool {
	word = strings.TrimRight(word, "!?#$%*+.,")
	letters := (alpha | high).run(word, 0)
	return letters >= 3 && len(word) >= 6 && letters < len(word) && len(word) <= maxKey && (alnum|high).run(word, 0) == len(word)
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

// strengthOf returns how surely the word from i to end, or the words that end with it, name a
// secret, and where they begin: "API key".
func (p *prose) strengthOf(i, end int) (s secretwords.Strength, start int) {
	if s = p.redactor.nameStrength(p.text[i:end]); s != secretwords.None {
		return s, i
	}
	for range 2 {
		if !at(p.text, i-1, blank) || !at(p.text, i-2, alnum|high) {
			break
		}
		i = (word | high).back(p.text, i-1, max(0, i-maxKey))
		switch s = p.redactor.nameStrength(p.text[i:end]); {
		case s == secretwords.Strong && p.redactor.nameStrength(firstWord(p.text[i:end])) == secretwords.None, s == secretwords.Weak:
			return s, i
		}
	}
	return secretwords.None, i
}

// firstWord returns the first word of a phrase.
func firstWord(phrase string) string {
	first, _, _ := strings.Cut(phrase, " ")
	return first
}

// stated masks the word before the name of a secret, from i to end, if that is said to be it: "x is
// the password", "1234 is your login code".
func (p *prose) stated(i, end int) {
	strength, start := p.strengthOf(i, end)
	after := blank.run(p.text, end)
	stop := (alpha | high).run(p.text, after)
	isEnd := after == len(p.text) || newline.has(p.text[after]) || isPhraseEnd(p.text, end) || prepositions[strings.ToLower(p.text[after:stop])]
	if strength == secretwords.None || !isEnd {
		return
	}
	for range maxFillers {
		stop := start - 1
		if !at(p.text, stop, blank) {
			return
		}
		start = (alpha | high).back(p.text, stop, max(0, stop-maxFiller))
		word := strings.ToLower(p.text[start:stop])
		if word == "" {
			return
		}
		if copulas[word] {
			p.subject(start, p.text[i:end], strength)
			return
		}
	}
}

// copulas are words between a secret and its name.
var copulas = foldedSet("is as ist als est comme es como é è come jest jako je")

// subject masks the word before i, if it looks like a secret with the name.
func (p *prose) subject(i int, name string, strength secretwords.Strength) {
	end := blank.back(p.text, i, max(0, i-2))
	if end == i || end == 0 {
		return
	}
	start := end
	for start > max(0, end-maxKey) && !space.has(p.text[start-1]) && strings.IndexByte("\"'`()<>,;:=", p.text[start-1]) < 0 {
		start--
	}
	subject := p.text[start:end]
	number := subject
	if len(subject) > 2 && upper.has(subject[0]) && subject[1] == '-' { // G-1234
		number = subject[2:]
	}
	if strength == secretwords.Strong && (isRandom(subject) || isPasswordLike(subject)) || isShortCode(number, name) && len(number) > 3 {
		p.spans = append(p.spans, span{start, end})
	}
}

// maxLabelWords is how many words a line has that only names the secret in the next one.
const maxLabelWords = 5

// below masks the word on the line after the line feed at i, if the line before it only names a
// secret, and the word looks like one.
func (p *prose) below(i int) {
	from := max(0, i-2*maxKey)
	line := from + strings.LastIndexByte(p.text[from:i], '\n') + 1
	name := strings.TrimRight(p.text[line:i], " \t\r*_`:-")
	end := line + len(name)
	start := (word | high).back(p.text, end, line)
	if start == end || strings.Count(strings.TrimSpace(name), " ") >= maxLabelWords {
		return
	}
	strength, _ := p.strengthOf(start, end)
	if strength == secretwords.None {
		return
	}
	start = space.run(p.text, i)
	for start < len(p.text) && strings.IndexByte("\"'`*", p.text[start]) >= 0 {
		start++
	}
	stop := lineEnd(p.text[:min(len(p.text), start+maxBeside)], start)
	word := strings.TrimRight(p.text[start:stop], " \t\r\"'`*")
	if strings.ContainsAny(word, " \t") || !p.isNamed(p.text[line:end], word, strength, false) && !isShortCode(word, p.text[(alpha|high).back(p.text, end, line):end]) {
		return
	}
	p.spans = append(p.spans, span{start, start + len(word)})
}

// protocol masks the secret in a line of a protocol: AUTH x, AUTH bob x, LOGIN bob x. The word is at
// i, in capitals, and what follows it at after.
func (p *prose) protocol(i, after int) (next int, ok bool) {
	first := p.text[i]
	if !upper.has(first) || !upper.has(p.text[i+1]) {
		return i, false
	}
	line := strings.TrimRight(p.text[after:lineEnd(p.text[:min(len(p.text), after+maxBeside)], after)], " \r")
	bob, secret, two := strings.Cut(line, " ")
	if !two {
		secret, bob = bob, ""
	}
	if strings.Contains(secret, " ") || first == 'L' && !two || !isRandom(secret) && !isPasswordLike(secret) && !strings.HasPrefix(secret, `"`) || bob == "PLAIN" {
		return i, false
	}
	start := after + len(line) - len(secret)
	return max(after, p.argument(start, true)), true
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
	return n >= 4 && codeNames[name]
}

// codeNames are the last words of the names of codes of digits, in other languages.
var codeNames = foldedSet(`geheimzahl zugangscode sicherheitscode bestätigungscode freischaltcode einmalpasswort passwort kennwort
	código codice kod kód koodi koda код kode senha contraseña passe wachtwoord`)
