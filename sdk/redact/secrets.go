package redact

import (
	"slices"
	"strings"
)

// minSecretText is the length of the shortest text that a detector can match: a
// card number of 13 digits. Shorter credentials, as in "pin=1234", are a key's
// matter.
const minSecretText = 13

// minTokenText is the length of the shortest text with a token.
const minTokenText = 20

// The detectors that a text may have something for.
const (
	seekAssignments = 1 << iota
	seekBlocks
	seekTokens
	seekCredentials
	seekCards
)

// byteCounts has, for each byte, what it adds to a survey's counts: of the digits in
// the lowest 12 bits, then of the signs that stand between a key and its value, of
// blanks, of hyphens, and of the letter b, which Bearer, Basic and BEGIN have.
var byteCounts = func() (counts [256]uint64) {
	for c := '0'; c <= '9'; c++ {
		counts[c] = 1
	}
	counts[':'], counts['='] = 1<<assignCount, 1<<assignCount
	counts[' '], counts['\t'], counts['-'] = 1<<blankCount, 1<<blankCount, 1<<hyphenCount
	counts['b'], counts['B'] = 1<<letterCount, 1<<letterCount
	return counts
}()

// Where in a survey's counts the others begin.
const (
	assignCount = 12 * (iota + 1)
	blankCount
	hyphenCount
	letterCount
	countMask = 1<<12 - 1
)

// survey tells which detectors are worth running. They are linear in the text and
// allocate for what they find only.
func survey(text string, numbers bool) (seek uint8) {
	if len(text) < minSecretText {
		return 0
	}
	return surveyLong(text, numbers)
}

// surveyLong looks at each byte once.
func surveyLong(text string, numbers bool) (seek uint8) {
	if len(text) > countMask { // more than can be counted
		return seekAssignments | seekBlocks | seekTokens | seekCredentials | seekCards
	}
	var counts uint64
	for i := range len(text) {
		counts += byteCounts[text[i]]
	}
	words := counts>>blankCount&countMask != 0 && counts>>letterCount != 0
	if counts>>assignCount&countMask != 0 {
		seek |= seekAssignments
	}
	if numbers && counts&countMask >= minCardDigits {
		seek |= seekCards
	}
	if len(text) >= minTokenText {
		seek |= seekTokens
	}
	if words {
		seek |= seekCredentials
	}
	if words && counts>>hyphenCount&countMask != 0 {
		seek |= seekBlocks
	}
	return seek
}

// isToken has the bytes of tokens.
var isToken = func() (token [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") {
		token[c] = true
	}
	return token
}()

// span is a part of a text, from start to before end.
type span struct{ start, end int }

// findSecrets returns where in the text secrets are, in order. They may overlap.
func (d *Redactor) findSecrets(text string, seek uint8) []span {
	if isUUID(text) {
		return nil // no token or card number looks like one, and many texts do
	}
	var spans []span
	if seek&seekTokens != 0 {
		spans = findTokens(text, spans)
	}
	if seek&seekCredentials != 0 {
		spans = findCredentials(text, spans)
	}
	if seek&seekBlocks != 0 {
		spans = findBlocks(text, spans)
	}
	if seek&seekAssignments != 0 {
		spans = findUserinfo(text, spans)
		spans = d.findAssignments(text, spans)
	}
	if seek&seekCards != 0 {
		spans = findCards(text, spans)
	}
	if len(spans) > 1 {
		slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	}
	return spans
}

// isUUID reports whether the text is a UUID (RFC 9562, section 4) in its text form.
func isUUID(text string) bool {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	digits := 0
	for i := range len(text) {
		digits += isHex[text[i]]
	}
	return digits == 32
}

// isHex has 1 for the bytes that are hexadecimal digits.
var isHex = func() (hex [256]int) {
	for _, c := range []byte("0123456789abcdefABCDEF") {
		hex[c] = 1
	}
	return hex
}()

// replaceSecrets puts what stands for a secret in the place of each.
func (d *Redactor) replaceSecrets(text string, spans []span) string {
	var b strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		s := spans[i]
		for i++; i < len(spans) && spans[i].start <= s.end; i++ { // they overlap
			s.end = max(s.end, spans[i].end)
		}
		b.WriteString(text[at:s.start])
		b.WriteString(d.config.strategy.text(text[s.start:s.end]))
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// tokenKind is a kind of token that is known by its beginning.
type tokenKind struct {
	prefix string
	least  int // how many characters follow at least
}

// tokenKinds are the tokens of common services, by their first character.
var tokenKinds = [256][]tokenKind{
	'A': {{"AKIA", 16}, {"ASIA", 16}, {"ABIA", 16}, {"ACCA", 16}, {"AIza", 35}, {"AGE-SECRET-KEY-1", 50}},
	'S': {{"SG.", 40}, {"SK", 32}},
	'd': {{"dop_v1_", 60}, {"doo_v1_", 60}, {"dckr_pat_", 20}},
	'e': {{"eyJ", 20}},
	'g': {{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 30}, {"glpat-", 18}, {"glrt-", 18}, {"gsk_", 30}},
	'h': {{"hf_", 30}, {"hvs.", 20}, {"hvb.", 20}},
	'n': {{"npm_", 30}, {"nfp_", 30}},
	'p': {{"pypi-", 40}, {"pk_live_", 16}, {"phc_", 30}, {"pul-", 36}},
	'r': {{"rk_live_", 16}, {"rk_test_", 16}, {"rubygems_", 40}},
	's': {{"sk_live_", 16}, {"sk_test_", 16}, {"sk-", 20}, {"shpat_", 30}, {"shpss_", 30}, {"sq0csp-", 30}, {"secret_", 30}, {"sbp_", 30}},
	'w': {{"whsec_", 20}},
	'x': {{"xoxb-", 16}, {"xoxp-", 16}, {"xoxa-", 16}, {"xoxr-", 16}, {"xoxs-", 16}, {"xoxe-", 16}, {"xapp-", 16}},
	'y': {{"ya29.", 20}},
	'E': {{"EAACEdEose0cBA", 10}},
}

// findTokens finds tokens by their beginnings. They are so long that each covers
// one of the places that it looks at.
func findTokens(text string, spans []span) []span {
	for at := minTokenText - 1; at < len(text); at += minTokenText {
		if !isToken[text[at]] {
			continue
		}
		start, end := at, at+1
		for start > 0 && isToken[text[start-1]] {
			start--
		}
		for end < len(text) && isToken[text[end]] {
			end++
		}
		if end-start < minTokenText {
			continue
		}
		if n := tokenIn(text[start:end]); n >= 0 {
			spans = append(spans, span{start + n, end})
		}
		at = end
	}
	return spans
}

// maxDots is how many parts of a word may stand ahead of a token: config.key.TOKEN.
const maxDots = 4

// tokenIn returns where in the word a known kind of token begins, or -1: at its
// beginning or behind one of the first dots.
func tokenIn(word string) int {
	at := 0
	for range maxDots {
		if beginsToken(word[at:]) {
			return at
		}
		dot := strings.IndexByte(word[at:], '.')
		if dot < 0 {
			break
		}
		at += dot + 1
	}
	return -1
}

// beginsToken reports whether the word is a known kind of token.
func beginsToken(word string) bool {
	if len(word) < minTokenText {
		return false
	}
	for _, kind := range tokenKinds[word[0]] {
		rest, is := strings.CutPrefix(word, kind.prefix)
		switch {
		case !is || len(rest) < kind.least:
		case kind.prefix == "eyJ":
			if isWebToken(word) {
				return true
			}
		case kind.prefix == "SK":
			if len(rest) == 32 && strings.Trim(rest, "0123456789abcdef") == "" {
				return true
			}
		case kind.prefix == "sk-" || kind.prefix == "secret_":
			if mixed(rest) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// isWebToken reports whether the word is a JSON web token, signed or encrypted:
// three to five parts of base64url, of which the first is a JSON object.
func isWebToken(word string) bool {
	dots := strings.Count(word, ".")
	return dots >= 2 && dots <= 4 && strings.IndexByte(word, '.') >= 10
}

// mixed reports whether the text has digits and letters, as random text has.
func mixed(text string) bool {
	return strings.ContainsAny(text, "0123456789") &&
		strings.ContainsAny(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
}

// minCredentials is how long what follows Bearer or Basic is at least, so that
// prose ("bearer bonds") stays.
const minCredentials = 8

// findCredentials finds what follows the words Bearer and Basic and a blank.
func findCredentials(text string, spans []span) []span {
	for i := len("basic"); i < len(text)-minCredentials; i++ {
		if !isBlank(text[i]) {
			continue
		}
		last := text[i-1] | ' ' // in lower case; few words end so
		bearer := last == 'r' && endsInWord(text[:i], "bearer")
		basic := last == 'c' && endsInWord(text[:i], "basic")
		if !bearer && !basic {
			continue
		}
		start := i
		for start < len(text) && isBlank(text[start]) {
			start++
		}
		stop := start
		for stop < len(text) && isCredentialByte(text[stop]) {
			stop++
		}
		if isCredential(text[start:stop], bearer) {
			spans = append(spans, span{start, stop})
			i = stop
		}
	}
	return spans
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// endsInWord reports whether the text ends in the word, in any case, which is not
// the end of a longer one.
func endsInWord(text, word string) bool {
	start := len(text) - len(word)
	return start >= 0 && strings.EqualFold(text[start:], word) && (start == 0 || !isToken[text[start-1]])
}

// isCredential reports whether the value looks like what follows Bearer, or else
// like the base64 that follows Basic.
func isCredential(value string, bearer bool) bool {
	if len(value) < minCredentials || !bearer && len(value)%4 != 0 {
		return false
	}
	return mixed(value) || bearer && len(value) >= 20
}

func isCredentialByte(c byte) bool {
	return isToken[c] || c == '+' || c == '/' || c == '=' || c == '~'
}

const blockBegin = "-----BEGIN "

// findBlocks finds private keys in PEM form (RFC 7468), to their end or, where that
// was cut off, to the text's.
func findBlocks(text string, spans []span) []span {
	const begin, end = blockBegin, "-----END "
	for at := 0; ; {
		start := strings.Index(text[at:], begin)
		if start < 0 {
			return spans
		}
		start += at
		label, _, whole := strings.Cut(text[start+len(begin):], "-----")
		at = start + len(begin)
		if !whole || len(label) > 64 || !strings.Contains(label, "PRIVATE KEY") {
			continue
		}
		stop := len(text)
		if e := strings.Index(text[at:], end); e >= 0 {
			stop = at + e + len(end)
			if tail := strings.Index(text[stop:], "-----"); tail >= 0 {
				stop += tail + len("-----")
			} else {
				stop = len(text)
			}
		}
		spans = append(spans, span{start, stop})
		at = stop
	}
}

// findUserinfo finds the passwords in URLs: scheme://user:password@host.
func findUserinfo(text string, spans []span) []span {
	for at := 0; ; {
		slashes := strings.Index(text[at:], "://")
		if slashes < 0 {
			return spans
		}
		at += slashes + len("://")
		end := at
		for end < len(text) && !strings.ContainsRune(" \t\r\n\"'<>/?#", rune(text[end])) {
			end++
		}
		// A password may hold an at sign that nobody escaped: the last one counts.
		host := strings.LastIndexByte(text[at:end], '@')
		if host > 0 {
			if colon := strings.IndexByte(text[at:at+host], ':'); colon >= 0 && colon+1 < host {
				spans = append(spans, span{at + colon + 1, at + host})
			}
		}
		at = end
	}
}

// shortestKey is the length of pin, pwd and their like.
const shortestKey = 3

// maxKeyLookBack is how long a key in text may be.
const maxKeyLookBack = 64

// findAssignments finds values of keys that hold secrets: password=x, "token": "x".
func (d *Redactor) findAssignments(text string, spans []span) []span {
	for i := 1; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		key := keyBefore(text, i)
		if key == "" || !d.words.MatchKey(key) || d.config.allowed[key] {
			continue
		}
		start, end := valueAfter(text, i+1)
		if end > start {
			spans = append(spans, span{start, end})
			i = end - 1
		}
	}
	return spans
}

// keyBefore returns the key that ends before the sign at i: a name, in quotes
// perhaps.
func keyBefore(text string, i int) string {
	end := i
	for end > 0 && text[end-1] == ' ' {
		end--
	}
	if end > 0 && (text[end-1] == '"' || text[end-1] == '\'') {
		end--
	}
	start := end
	for start > 0 && end-start < maxKeyLookBack && isToken[text[start-1]] {
		start--
	}
	if end-start < shortestKey {
		return ""
	}
	return text[start:end]
}

// valueAfter returns where the value is that begins at i or behind blanks: what is
// in quotes, or what goes to the next blank or separator.
func valueAfter(text string, i int) (start, end int) {
	for i < len(text) && (text[i] == ' ' || text[i] == '>' || text[i] == '\\') {
		i++
	}
	if i < len(text) && (text[i] == '"' || text[i] == '\'') {
		quote := text[i]
		start = i + 1
		for end = start; end < len(text) && text[end] != quote; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		return start, min(end, len(text))
	}
	start, end = i, i
	for end < len(text) && !strings.ContainsRune(" \t\r\n,;&\"'<>()[]{}|", rune(text[end])) {
		end++
	}
	return start, end
}
