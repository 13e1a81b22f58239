package redact

import (
	"slices"
	"strings"
)

// minSecretText is the length of the shortest text that is searched: a card number of 13
// digits. Shorter credentials are found only by their key.
const minSecretText = 13

// minTokenText is the length of the shortest token.
const minTokenText = 20

// The detectors, as bits.
const (
	seekAssignments = 1 << iota
	seekBlocks
	seekTokens
	seekCredentials
	seekCards
)

// byteCounts has, for each byte, what it adds to the counts of a survey, which have 12 bits
// each: of digits, of signs between a key and its value, of blanks, of hyphens, and of the
// letter b, which Bearer, Basic and BEGIN contain.
var byteCounts = func() (counts [256]uint64) {
	for c := '0'; c <= '9'; c++ {
		counts[c] = 1
	}
	counts[':'], counts['='] = 1<<assignCount, 1<<assignCount
	counts[' '], counts['\t'], counts['-'] = 1<<blankCount, 1<<blankCount, 1<<hyphenCount
	counts['b'], counts['B'] = 1<<letterCount, 1<<letterCount
	return counts
}()

// The lowest bits of the counts after the first.
const (
	assignCount = 12 * (iota + 1)
	blankCount
	hyphenCount
	letterCount
	countMask = 1<<12 - 1
)

// survey returns the detectors that may find something. Their time is linear in the length
// of the text, and they allocate only for what they find.
func survey(text string, numbers bool) (seek uint8) {
	if len(text) < minSecretText {
		return 0
	}
	return surveyLong(text, numbers)
}

// surveyLong is survey for texts that are not too short. It reads each byte once.
func surveyLong(text string, numbers bool) (seek uint8) {
	if len(text) > countMask { // the counts could overflow
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

// isToken is true for the bytes that occur in tokens.
var isToken = func() (token [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") {
		token[c] = true
	}
	return token
}()

// span is a part of a text, from start to before end.
type span struct{ start, end int }

// findSecrets returns the spans of secrets in the text, in order. They may overlap.
func (d *Redactor) findSecrets(text string, seek uint8) []span {
	if isUUID(text) {
		return nil // common, and never a secret
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

// isHex is 1 for the bytes that are hexadecimal digits.
var isHex = func() (hex [256]int) {
	for _, c := range []byte("0123456789abcdefABCDEF") {
		hex[c] = 1
	}
	return hex
}()

// replaceSecrets replaces the spans, which are in order.
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

// tokenKind is a kind of token that has a known prefix.
type tokenKind struct {
	prefix  string
	minRest int // minimum number of bytes after the prefix
}

// tokenKinds are the tokens of common services, by their first byte.
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

// findTokens appends the spans of tokens with a known prefix. It looks at every
// minTokenText-th byte only, because each token covers one of them.
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

// maxTokenParts is how many parts of a word, separated by dots, are tried as the beginning
// of a token: config.key.TOKEN has three.
const maxTokenParts = 4

// tokenIn returns the index in the word where a token of a known kind begins, or -1. That
// is the start of the word, or follows one of its first dots.
func tokenIn(word string) int {
	at := 0
	for range maxTokenParts {
		if isKnownToken(word[at:]) {
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

// isKnownToken reports whether the word is a token of a known kind.
func isKnownToken(word string) bool {
	if len(word) < minTokenText {
		return false
	}
	for _, kind := range tokenKinds[word[0]] {
		rest, ok := strings.CutPrefix(word, kind.prefix)
		switch {
		case !ok || len(rest) < kind.minRest:
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

// isWebToken reports whether the word looks like a JSON web token, signed or encrypted:
// three to five parts, of which the first is the Base64 of a JSON object.
func isWebToken(word string) bool {
	dots := strings.Count(word, ".")
	return dots >= 2 && dots <= 4 && strings.IndexByte(word, '.') >= 10
}

// mixed reports whether the text has both digits and letters, like random text.
func mixed(text string) bool {
	return strings.ContainsAny(text, "0123456789") &&
		strings.ContainsAny(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
}

// minCredentials is the minimum length of credentials after Bearer or Basic, so that prose
// ("bearer bonds") stays as it is.
const minCredentials = 8

// findCredentials appends the spans of credentials after the words Bearer and Basic.
func findCredentials(text string, spans []span) []span {
	for i := len("basic"); i < len(text)-minCredentials; i++ {
		if !isBlank(text[i]) {
			continue
		}
		last := text[i-1] | ' ' // in lower case
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

// endsInWord reports whether the last word of the text is word, in any case.
func endsInWord(text, word string) bool {
	start := len(text) - len(word)
	return start >= 0 && strings.EqualFold(text[start:], word) && (start == 0 || !isToken[text[start-1]])
}

// isCredential reports whether the value looks like credentials of the scheme Bearer, or
// else like the Base64 of the scheme Basic.
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

// findBlocks appends the spans of private keys in PEM form (RFC 7468). If the end of a key
// is missing, its span extends to the end of the text.
func findBlocks(text string, spans []span) []span {
	const begin, end = blockBegin, "-----END "
	for at := 0; ; {
		start := strings.Index(text[at:], begin)
		if start < 0 {
			return spans
		}
		start += at
		label, _, ok := strings.Cut(text[start+len(begin):], "-----")
		at = start + len(begin)
		if !ok || len(label) > 64 || !strings.Contains(label, "PRIVATE KEY") {
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

// findUserinfo appends the spans of passwords in URLs: scheme://user:password@host.
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
		// A password may contain an unescaped at sign, so the last one counts.
		host := strings.LastIndexByte(text[at:end], '@')
		if host > 0 {
			if colon := strings.IndexByte(text[at:at+host], ':'); colon >= 0 && colon+1 < host {
				spans = append(spans, span{at + colon + 1, at + host})
			}
		}
		at = end
	}
}

// shortestKey is the length of the shortest key in a text, such as pin.
const shortestKey = 3

// maxKeyLookBack is the length of the longest key in a text.
const maxKeyLookBack = 64

// findAssignments appends the spans of values whose keys name secrets: password=x or
// "token": "x".
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

// keyBefore returns the key before the sign at i, which may be in quotes.
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

// valueAfter returns the span of the value that begins at i, after optional blanks: the
// content of quotes, or the text up to the next blank or separator.
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
