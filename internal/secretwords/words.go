package secretwords

import "strings"

// words name a secret wherever they are used.
var words = strings.Fields(`
password passwords passwd pwd pswd passphrase passcode passkey
secret secrets token tokens credential credentials creds jwt bearer csrf xsrf
authorization authorisation cookie cookies sessionid sid
apikey privatekey accesskey secretkey signingkey encryptionkey masterkey
ssn cardnumber creditcard ccnumber pan cvv cvv2 cvc cvc2 iban pin pins pincode otp totp hotp
connectionstring dsn mnemonic kubeconfig htpasswd`)

// phrases are sequences of words that name a secret.
var phrases = []string{
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
	"code verifier", "magic link",
}

// parameterWords name a secret in a route's parameter only. In a record such a key is
// usually harmless: an error code, the key of a setting, a support ticket.
var parameterWords = strings.Fields(`auth card code hmac key magic nonce session sig signature ticket verifier`)

// parts name a secret in any word that contains one, since names are also written without
// separators: dbpassword.
var parts = []string{"password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "accesskey", "clientsecret"}

// endings name a secret at the end of a word: accesstoken does, but tokenizer and
// secretary do not.
var endings = []string{"token", "secret", "pwd", "cookie", "iban"}

// harmlessEndings are last words of keys that describe a secret and do not contain it:
// password_length.
var harmlessEndings = set(`count counts at on enabled disabled length len size type types kind expires expiry
expiration expired ttl policy required changed updated created rotated status state version age strength attempts
attempt consent name names limit limits used usage remaining verified valid invalid present issuer algorithm alg
format source provider method scheme scope scopes url uri endpoint path field rotation reset lifetime timeout
banner accepted issued revoked failures failed retries retry ok ref`)

// harmlessBeginnings are words before the name of a secret that have the same effect:
// has_password.
var harmlessBeginnings = set(`has is had needs requires require should can use uses without no`)

// countBeginnings are words before tokens that are counted: max_tokens.
var countBeginnings = set(`num number total count max min prompt completion input output cached reasoning used`)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		s[w] = true
	}
	return s
}
