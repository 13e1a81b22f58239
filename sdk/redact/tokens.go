package redact

import (
	"encoding/base64"
	"strings"
)

// minTokenText is the length of the shortest token.
const minTokenText = 20

// tokenRun has the bytes of tokens.
const tokenRun = token | slash | plus

// tokenKind is a kind of token that has a known prefix.
type tokenKind struct {
	prefix   string
	rest     class // the bytes after the prefix
	min, max int   // how many of them there are
	weak     bool  // words begin like it: it must look random, begin a word, and be no longer
}

// findTokens appends the spans of tokens of known kinds. It looks at every minTokenText-th
// byte only, because each token covers one of them.
func findTokens(text string, spans []span) []span {
	for i := minTokenText - 1; i < len(text); i += minTokenText {
		if !tokenRun.has(text[i]) {
			continue
		}
		start, end := tokenRun.back(text, i, 0), tokenRun.run(text, i)
		if end-start < minTokenText {
			continue
		}
		found := len(spans)
		spans = findTokensIn(text, start, end, spans)
		if i = end; len(spans) > found {
			i = max(i, spans[len(spans)-1].end) // it may contain what ends a run
		}
	}
	return spans
}

// findTokensIn looks for tokens in the run of bytes from start to end. A token may be glued
// to what precedes it: old-ghp_x, backup-AKIAx.json.
func findTokensIn(text string, start, end int, spans []span) []span {
	if begin := ldapHash(text, start); begin >= 0 {
		return append(spans, span{begin, base64Chars.run(text, end)})
	}
	for i := start; i < end; i++ {
		part := i
		if i = token.run(text, part); i-part < minTokenText {
			continue
		}
		if stop := joinedToken(text, part, i); stop > 0 {
			spans = append(spans, span{tokenStart(text, part), stop})
			i = stop
		}
	}
	for i := start; i < end-4; i++ {
		if len(tokenKinds[text[i]]) == 0 && text[i] != 'e' && text[i] != 'M' && text[i] != 'v' && text[i] != 'b' && text[i] != 'L' {
			continue
		}
		if stop := tokenAt(text, i, start); stop > 0 {
			spans = append(spans, span{i, stop})
			i = stop
		}
	}
	return spans
}

// ldapHash returns where {SSHA} or another method of hashing passwords begins that ends
// before i, or -1.
func ldapHash(text string, i int) (begin int) {
	if i < 5 || text[i-1] != '}' {
		return -1
	}
	begin = strings.LastIndexByte(text[max(0, i-20):i], '{')
	if begin < 0 {
		return -1
	}
	begin += max(0, i-20)
	method := strings.ToUpper(text[begin:i])
	if strings.Contains(method, "SHA") || strings.Contains(method, "MD5") || strings.Contains(method, "CRYPT") {
		return begin
	}
	return -1
}

// tokenAt returns the end of the token that begins at i, in a run that begins at start, or
// 0 if none does.
func tokenAt(text string, i, start int) (end int) {
	glued := i > start && alnum.has(text[i-1])
	for k := range tokenKinds[text[i]] {
		kind := &tokenKinds[text[i]][k]
		if !strings.HasPrefix(text[i:], kind.prefix) || glued && (kind.weak || len(kind.prefix) < 4) {
			continue
		}
		rest := i + len(kind.prefix)
		stop := kind.rest.run(text[:min(len(text), rest+kind.max+1)], rest)
		n := stop - rest
		if n < kind.min || n > kind.max && kind.weak {
			continue
		}
		if content := text[rest:stop]; kind.rest&(hyphen|underscore) != 0 && isSlug(content) || kind.weak && !isTokenLike(content) {
			continue
		}
		return kind.rest.run(text, stop)
	}
	if glued {
		return 0
	}
	switch text[i] {
	case 'e':
		return webTokenEnd(text, i)
	case 'v':
		return pasetoEnd(text, i)
	case 'M', 'b', 'L':
		return keyBodyEnd(text, i)
	}
	return 0
}

// isSlug reports whether a text is words of a language, numbers and short codes between
// hyphens, underscores or dots: blue-shirt-xl-2026.
func isSlug(text string) bool {
	return strings.ContainsAny(text, "-_.") && isOrdinary(text)
}

// isTokenLike reports whether a text has letters and digits, or letters in both cases that are not
// those of words written as one, and many different ones.
func isTokenLike(text string) bool {
	var seen [256]bool
	different, kinds := 0, class(0)
	for i := range len(text) {
		if !seen[text[i]] {
			seen[text[i]] = true
			different++
		}
		kinds |= classOf[text[i]]
	}
	if kinds&digits == 0 && isCased(text) {
		return false
	}
	return kinds&alpha != 0 && different >= min(10, len(text)/2) && !isOrdinary(text)
}

// joinedToken returns the end of a token whose rest is the run of token bytes from start to
// end, or which has a known sign within it, or 0.
func joinedToken(text string, start, end int) (stop int) {
	if start > 2 {
		if stop = signedToken(text, start, end); stop > 0 {
			return stop
		}
	}
	run := text[start:end]
	if n := strings.Index(run, ".atlasv1."); n >= 14 && len(run)-n >= 60 {
		return end // Terraform
	}
	hexes := 0
	if len(run) <= 50 {
		hexes = hexDigits.run(run, 0)
	}
	switch {
	case hexes == 32 && len(run) >= 36 && len(run) <= 38 && strings.HasPrefix(run[32:], "-us"):
		return end // Mailchimp
	case hexes == 32 && len(run) == 50 && run[32] == '-' && run[41] == '-':
		return end // Mailgun's signing keys
	case len(run) == 40 && strings.HasSuffix(run, "_mmk"):
		return end // MaxMind
	case isDiscord(run):
		return end
	}
	return 0
}

// signedToken returns the end of a token whose rest is the run from start to end, and whose
// first part ends in another sign, or 0.
func signedToken(text string, start, end int) (stop int) {
	run := text[start:end]
	numbers := start - 1 - digits.back(text, start-1, max(0, start-20)) // before the sign
	switch sign := text[start-1]; {
	case sign == ':' && len(run) >= 33 && len(run) <= 40 && numbers >= 7 && numbers <= 10 && !at(text, start-2-numbers, token) && isTokenLike(run):
		return end // Telegram: the number of a bot, and its secret
	case sign == ':' && len(run) == 32 && hexDigits.run(run, 0) == 32 && numbers >= 13 && at(text, start-2-numbers, slash):
		return end // Asana: a version, a number, a secret
	case sign == '|' && len(run) >= 27 && len(run) <= 40 && numbers >= 15 && isTokenLike(run):
		return end // Facebook: the number of an application, and its secret
	case sign == '/' && text[start-3:start] == "1//" && run[0] == '0' && isTokenLike(run):
		return end // Google's refresh tokens
	case sign == '~' && len(run) >= 40 && len(run) <= 50 && strings.HasSuffix(text[:start-1], "sha256") && isTokenLike(run):
		return end // OpenShift
	case sign == '~' && text[start-2] == 'Q' && at(text, start-3, digits):
		return (token | tilde).run(text[:min(len(text), start+maxAzure)], start) // Azure's client secrets
	}
	return 0
}

// isDiscord reports whether a run is a token of a bot: the Base64 of its number, a time, and
// a secret.
func isDiscord(run string) bool {
	number, rest, ok := strings.Cut(run[:min(len(run), 100)], ".")
	if !ok || len(number) < 23 || len(number) > 28 {
		return false
	}
	middle, last, ok := strings.Cut(rest, ".")
	return ok && len(middle) == 6 && len(last) >= 27 && len(last) <= 40 && digits.run(decodeBase64(number), 0) >= 17
}

// maxAzure is the length of the longest rest of a client secret of Azure.
const maxAzure = 60

// tokenStart returns where the token begins whose run of token bytes begins at start: with
// what precedes a colon, slashes or a tilde.
func tokenStart(text string, start int) int {
	for start > 0 && strings.IndexByte(":/~|", text[start-1]) >= 0 {
		start = token.back(text, start-1, max(0, start-20))
		if start >= 2 && text[start-2:start] == "//" {
			break
		}
	}
	return start
}

// webTokenEnd returns the end of the JSON web token (RFC 7519) that begins at i, or 0. Its
// parts may be separated by blanks, or wrapped, and the last ones may be missing.
func webTokenEnd(text string, i int) (end int) {
	if !strings.HasPrefix(text[i:], "ey") && !strings.HasPrefix(text[i:], "ew") {
		return 0
	}
	end = word.run(text[:min(len(text), i+maxHeader)], i)
	header := decodeBase64(text[i:end])
	if !strings.HasPrefix(header, "{") || !strings.Contains(header, `"`) {
		return 0
	}
	sure := false
	for _, member := range [...]string{`"alg"`, `"enc"`, `"typ"`, `"kid"`} {
		sure = sure || strings.Contains(header, member)
	}
	if sure {
		end = word.run(text, end)
	}
	parts := 1
	for lines := 0; parts < maxParts && lines < maxLines; lines++ {
		next, isPart := nextPart(text, end)
		if next == end {
			break
		}
		if end = next; isPart {
			parts++
		}
	}
	if sure || parts > 2 || parts > 1 && at(text, i-1, dot) && end-i >= minClaims {
		return end
	}
	return 0
}

// minClaims is the length of the shortest claims and signature that are taken for those of a
// token whose header is elsewhere.
const minClaims = 40

// maxParts is the number of parts of an encrypted web token.
const maxParts = 5

// maxJoint is how many signs may be between the parts of a token that a program joins.
const maxJoint = 8

// maxLines is on how many lines a web token is looked for.
const maxLines = 100

// nextPart returns the end of what continues a web token that ends at i, or i: a part after
// a dot, or the rest of one after a line feed.
func nextPart(text string, i int) (end int, isPart bool) {
	next := space.run(text, i)
	joined := next
	for joined < len(text) && joined < i+maxJoint && (space.has(text[joined]) || strings.IndexByte("\"'+\\", text[joined]) >= 0) {
		joined++ // "part" + ".part"
	}
	switch {
	case at(text, joined, dot):
		next = joined
		after := space.run(text, next+1)
		if stop := word.run(text, after); stop > after {
			return stop, true
		}
		if at(text, next+1, dot) { // an empty part
			return next + 1, true
		}
	case at(text, i, newline):
		stop := word.run(text, next)
		line := text[next:stop]
		if at(text, stop, dot) || len(line) >= minWrapped && isTokenLike(line) || len(line) >= 6 && isRandom(line) && !at(text, stop, blank) {
			return stop, false
		}
	}
	return i, false
}

// maxHeader is how much of the header of a token is decoded.
const maxHeader = 400

// minWrapped is the length of the shortest line that a token continues on.
const minWrapped = 16

// pasetoEnd returns the end of the PASETO token that begins at i, or 0.
func pasetoEnd(text string, i int) (end int) {
	if !at(text, i+1, digits) || i+3 > len(text) {
		return 0
	}
	rest := text[i+2:]
	for _, purpose := range []string{".local.", ".public."} {
		if strings.HasPrefix(rest, purpose) {
			start := i + 2 + len(purpose)
			if stop := token.run(text, start); stop-start >= 20 {
				return stop
			}
		}
	}
	return 0
}

// decodeBase64 returns the bytes that a text in one of the alphabets of Base64 stands for,
// up to the first error.
func decodeBase64(text string) string {
	text = strings.TrimRight(text, "=")
	if len(text)%4 == 1 {
		text = text[:len(text)-1]
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, _ := encoding.DecodeString(text)
	return string(decoded)
}

func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7F {
			return false
		}
	}
	return true
}

// findHashes appends the spans of hashes of passwords in the form of crypt: $2b$12$x.
func findHashes(text string, spans []span) []span {
	for i := 0; ; {
		n := strings.IndexByte(text[i:], '$')
		if n < 0 {
			return spans
		}
		i += n
		end := (base64Chars | token).run(text, i+1)
		for end < len(text) && strings.IndexByte("$,", text[end]) >= 0 {
			end = (base64Chars | token).run(text, end+1)
		}
		if isHash(text[i:end]) {
			spans = append(spans, span{i, end})
		} else if name := token.back(text, i, max(0, i-20)); isHash(text[name:end]) {
			spans = append(spans, span{name, end})
		}
		i = end
	}
}

// isHash reports whether the text is $, the name of a method, and fields with salt and hash.
func isHash(text string) bool {
	method, rest, ok := strings.Cut(strings.TrimPrefix(text, "$"), "$")
	if !ok || len(rest) < 16 || method == "" || len(method) > 20 {
		return false
	}
	switch {
	case len(method) <= 3:
		return strings.IndexByte("1256y7", method[0]) >= 0 || method == "apr" || method == "md5"
	default:
		for _, name := range []string{"argon2", "pbkdf2", "scrypt", "bcrypt", "apr1", "sha1", "yescrypt", "gost", "md5", "balloon"} {
			if strings.HasPrefix(method, name) {
				return true
			}
		}
	}
	return false
}

// awsSecretLength is the length of the secret access keys of AWS, which have no prefix.
const awsSecretLength = 40

// findSecretKeys appends the spans of words of that length in Base64 that are random.
func findSecretKeys(text string, spans []span) []span {
	const set = alnum | slash | plus
	for i := awsSecretLength - 1; i < len(text); i += awsSecretLength {
		if !set.has(text[i]) {
			continue
		}
		start, end := set.back(text, i, 0), set.run(text, i)
		if end-start == awsSecretLength && !at(text, start-1, word|dot) && !at(text, end, word|equals) && !isBesideMask(text, start, end) && isSecretKey(text[start:end]) {
			spans = append(spans, span{start, end})
		}
		i = end
	}
	return spans
}

// isBesideMask reports whether the text from start to end is the rest of a word that was
// masked before.
func isBesideMask(text string, start, end int) bool {
	return start > 0 && text[start-1] == '*' || end < len(text) && text[end] == '*'
}

// isSecretKey reports whether a text has letters of both cases and digits, mixed as no path
// and no name is.
func isSecretKey(text string) bool {
	kinds, changes := class(0), 0
	for i := range len(text) {
		kinds |= classOf[text[i]]
		if i > 0 && group(text[i]) != group(text[i-1]) {
			changes++
		}
	}
	return kinds&digits != 0 && kinds&lower != 0 && kinds&upper != 0 && changes >= 12
}

// group returns the kind of a byte: a digit, a small letter, a capital, another.
func group(c byte) int {
	switch {
	case digits.has(c):
		return 1
	case lower.has(c):
		return 2
	case upper.has(c):
		return 3
	default:
		return 4
	}
}
