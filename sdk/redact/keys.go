package redact

import (
	"errors"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/policy"
)

// secretWords are words that make a key hold a secret.
var secretWords = strings.Fields(`
password passwords passwd pwd pswd passphrase passcode passkey
secret secrets token tokens credential credentials creds jwt bearer csrf xsrf
authorization authorisation cookie cookies sessionid sid
apikey privatekey accesskey secretkey signingkey encryptionkey masterkey
ssn cardnumber creditcard ccnumber pan cvv cvv2 cvc cvc2 iban pin pins pincode otp totp hotp
connectionstring dsn mnemonic kubeconfig htpasswd`)

// secretPhrases are words that do so when they come one after the other.
var secretPhrases = []string{
	"pass phrase", "pass code", "pass word", "user pass", "db pass", "smtp pass", "session id", "session key",
	"api key", "api keys", "app key", "access key", "access keys", "account key", "private key", "private keys",
	"secret key", "signing key", "encryption key", "decryption key", "master key", "shared key", "license key",
	"ssh key", "host key", "hmac key", "storage key", "subscription key", "service key", "server key", "webhook key",
	"auth key", "auth header", "x auth", "basic auth", "proxy auth", "key material", "connection string",
	"social security", "national insurance", "tax id", "card number", "card no", "card num", "card pan", "card code",
	"credit card", "debit card", "cc number", "bank account", "account number", "routing number", "sort code",
	"security code", "one time code", "mfa code", "2fa code", "tfa code", "sms code", "auth code",
	"verification code", "activation code", "reset code", "backup code", "backup codes", "recovery code",
	"recovery codes", "recovery phrase", "seed phrase", "api . key", "private . key", "secret . key", "access . key",
}

// secretParts make a word that contains one of them hold a secret, since keys are
// also run together: dbpassword, accesstoken.
var secretParts = []string{"password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "accesskey", "clientsecret"}

// secretEndings are secretParts at the end of a word only: tokenizer and secretary
// are harmless.
var secretEndings = []string{"token", "secret", "pwd", "cookie", "iban"}

// harmlessEndings are the last words of keys that say something about a secret and
// do not hold it.
var harmlessEndings = wordSet(`count counts at on enabled disabled length len size type types kind expires expiry
expiration expired ttl policy required changed updated created rotated status state version age strength attempts
attempt consent name names limit limits used usage remaining verified valid invalid present issuer algorithm alg
format source provider method scheme scope scopes url uri endpoint path field rotation reset lifetime timeout
banner accepted issued revoked failures failed retries retry ok ref`)

// harmlessBeginnings are such words ahead of it: has_password.
var harmlessBeginnings = wordSet(`has is had needs requires require should can use uses without no`)

// countBeginnings are words ahead of tokens that are counted: max_tokens.
var countBeginnings = wordSet(`num number total count max min prompt completion input output cached reasoning used`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// keyWords are phrases of words, by their first word.
type keyWords map[string][][]string

// defaultKeyWords is made once; it is never changed.
var defaultKeyWords = makeKeyWords(slices.Concat(secretWords, secretPhrases))

func makeKeyWords(phrases []string) keyWords {
	k := keyWords{}
	for _, phrase := range phrases {
		words := strings.Fields(phrase)
		k[words[0]] = append(k[words[0]], words)
	}
	return k
}

var errNoWords = errors.New("WithSensitiveKeys: a key has no letters or digits")

// newKeyWords returns the default words with more.
func newKeyWords(more []string) (keyWords, error) {
	if len(more) == 0 {
		return defaultKeyWords, nil
	}
	k := maps.Clone(defaultKeyWords)
	for _, key := range more {
		words := splitWords(key)
		if len(words) == 0 || words[0] == "." {
			return nil, errNoWords
		}
		k[words[0]] = append(append([][]string(nil), k[words[0]]...), words)
	}
	return k, nil
}

// holdSecret reports whether a key of these words holds a secret.
func (k keyWords) holdSecret(key string) bool {
	words := splitWords(key)
	for i, w := range words {
		n := k.match(words[i:])
		if n == 0 && isSecretPart(w) {
			n = 1
		}
		if w == "." || n == 0 {
			continue
		}
		if i+n < len(words) && harmlessEndings[words[len(words)-1]] {
			return false
		}
		if i > 0 && (harmlessBeginnings[words[i-1]] || w == "tokens" && countBeginnings[words[i-1]]) {
			continue
		}
		return true
	}
	return false
}

// match returns how many words the longest phrase has that words begin with, or 0.
func (k keyWords) match(words []string) (n int) {
phrases:
	for _, phrase := range k[words[0]] {
		if len(phrase) > len(words) {
			continue
		}
		for i := range phrase {
			if phrase[i] != words[i] {
				continue phrases
			}
		}
		n = max(n, len(phrase))
	}
	return n
}

func isSecretPart(word string) bool {
	for _, part := range secretParts {
		if strings.Contains(word, part) {
			return true
		}
	}
	for _, ending := range secretEndings {
		if strings.HasSuffix(word, ending) {
			return true
		}
	}
	return false
}

// splitWords returns the words of a key in lower case: they end at what is no
// letter or digit, and where a capital begins a new one (apiKey, APIKey). A dot is
// a word too: account.key is the key of an account, accountKey is an account key.
func splitWords(key string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	var before rune
	for i, r := range key {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			if r == '.' {
				words = append(words, ".")
			}
		case unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before)):
			end()
		case unicode.IsUpper(r) && unicode.IsUpper(before):
			if next, _ := utf8.DecodeRuneInString(key[i+utf8.RuneLen(r):]); unicode.IsLower(next) && !pluralEnd(key[i+utf8.RuneLen(r):]) {
				end()
			}
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			word.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	end()
	return words
}

// pluralEnd reports whether a run of capitals is followed by the s of a plural:
// APIs.
func pluralEnd(rest string) bool {
	if !strings.HasPrefix(rest, "s") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest[1:])
	return !unicode.IsLower(r)
}

// keyDecision is what is to be done with the value of a key.
type keyDecision struct {
	allowed  bool
	leaks    bool      // the key is a secret itself
	strategy *Strategy // nil: only what is inside is looked at
}

// keyDecisions remembers what was decided for keys, which are few and come again
// and again. It has a fixed number of places, so that keys made of data cannot fill
// the memory; two keys that share a place are decided anew in turn.
type keyDecisions [1024]atomic.Pointer[knownKey]

// knownKey is never changed.
type knownKey struct {
	key      string
	decision keyDecision
}

// maxKnownKey is the length of the longest key that is remembered.
const maxKnownKey = 128

func (d *Redactor) decide(key string) keyDecision {
	place := &d.keys[placeOf(key)%uint64(len(d.keys))]
	if known := place.Load(); known != nil && known.key == key {
		return known.decision
	}
	decision := d.decideAnew(key)
	if len(key) <= maxKnownKey {
		place.Store(&knownKey{strings.Clone(key), decision}) // key may be part of something large
	}
	return decision
}

// placeOf mixes the length, the first and the last eight bytes, which tell the keys
// of a program apart and cost less than a hash of all.
func placeOf(key string) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	h := uint64(len(key))
	if len(key) >= 8 {
		h ^= sanitize.Load8(key)*odd ^ bits.RotateLeft64(sanitize.Load8(key[len(key)-8:]), 31)
	} else {
		for i := range len(key) {
			h = h<<8 | uint64(key[i])
		}
	}
	return h * odd >> 48
}

func (d *Redactor) decideAnew(key string) keyDecision {
	if d.config.allowed[key] {
		return keyDecision{allowed: true}
	}
	_, leaks := d.clean(key, true)
	for i := range d.config.byKey {
		if policy.Match(d.config.byKey[i].pattern, key) {
			return keyDecision{leaks: leaks, strategy: &d.config.byKey[i].strategy}
		}
	}
	if d.words.holdSecret(key) {
		return keyDecision{leaks: leaks, strategy: &d.config.strategy}
	}
	return keyDecision{leaks: leaks}
}
