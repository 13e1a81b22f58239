package request

import (
	"strings"
	"unicode"

	"github.com/opendeed/audit/internal/values"
)

// pathMask stands for a secret path parameter.
const pathMask = values.Redacted

// maskPath masks the parameters of path whose names in route indicate secrets, such as
// "/reset/{token}" or "/reset/:token". It masks the whole of a path that does not match
// such a route.
func maskPath(route, path string) string {
	if !hasSecretParameter(route) {
		return path
	}
	var masked strings.Builder
	rest, more := path, true
	left := strings.Count(route, "/") // segments of the route after this one
	for pattern := range strings.SplitSeq(route, "/") {
		if !more {
			return "/" + pathMask
		}
		if masked.Len() > 0 || len(rest) < len(path) {
			masked.WriteByte('/')
		}
		name, kind := parameter(pattern)
		segment := rest
		if kind != tail {
			segment, rest, more = strings.Cut(rest, "/")
		}
		switch {
		case kind != literal && isSecretName(name):
			masked.WriteString(pathMask)
		case kind != literal || pattern == segment:
			masked.WriteString(segment)
		default:
			return "/" + pathMask
		}
		if kind == tail && left > 0 {
			return "/" + pathMask // the segments after it cannot be told apart
		}
		if kind == tail {
			return masked.String()
		}
		left--
	}
	if more {
		return "/" + pathMask
	}
	return masked.String()
}

func hasSecretParameter(route string) bool {
	if !strings.ContainsAny(route, "{:") {
		return false
	}
	for pattern := range strings.SplitSeq(route, "/") {
		if name, kind := parameter(pattern); kind != literal && isSecretName(name) {
			return true
		}
	}
	return false
}

// segmentKind is what one segment of a route matches.
type segmentKind uint8

const (
	literal segmentKind = iota // itself
	single                     // one segment of the path
	tail                       // the rest of the path
)

// parameter returns the name or names of a segment's parameter: {id}, {id...} and {$} of
// http.ServeMux, :id and * of Echo, {id:[0-9]+} of other routers.
func parameter(segment string) (name string, kind segmentKind) {
	if segment == "{$}" {
		return "", single
	}
	if _, name, found := strings.Cut(segment, "{"); found {
		if strings.HasSuffix(name, "...}") {
			return name, tail
		}
		return name, single
	}
	if strings.HasSuffix(segment, "*") {
		return "", tail
	}
	if _, name, found := strings.Cut(segment, ":"); found {
		return name, single
	}
	return "", literal
}

// secretWords are the words that make a parameter a secret.
var secretWords = map[string]bool{
	"auth": true, "authorization": true, "card": true, "code": true, "cookie": true,
	"credential": true, "credentials": true, "csrf": true, "cvv": true, "hmac": true,
	"iban": true, "jwt": true, "key": true, "magic": true, "nonce": true, "otp": true,
	"passcode": true, "passphrase": true, "passwd": true, "password": true, "pin": true,
	"pwd": true, "secret": true, "session": true, "sid": true, "sig": true,
	"signature": true, "ssn": true, "ticket": true, "token": true, "totp": true,
	"verifier": true, "xsrf": true,
}

// isSecretName reports whether name contains a secret word, in any case style:
// resetToken, reset_token, RESET-TOKEN. The ID of a key or a token is not a secret; the
// ID of a session is.
func isSecretName(name string) bool {
	secret, session, last := false, false, ""
	for word := range strings.FieldsFuncSeq(name, notWord) {
		for part := range camelParts(word) {
			last = strings.ToLower(part)
			secret = secret || secretWords[last]
			session = session || last == "session"
		}
	}
	return secret && (session || last != "id")
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// camelParts splits resetToken into reset and Token, and APIKey into API and Key.
func camelParts(word string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 1; i < len(word); i++ {
			begins := isUpper(word[i]) && (!isUpper(word[i-1]) || i+1 < len(word) && isLower(word[i+1]))
			if begins {
				if !yield(word[start:i]) {
					return
				}
				start = i
			}
		}
		yield(word[start:])
	}
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
