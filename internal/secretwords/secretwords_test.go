package secretwords

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatchKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"password", "userPassword", "db_password", "dbpassword", "X-API-Key", "apiKey", "APIKeys", "accesstoken",
		"session_id", "sessionId", "creditCardNumber", "pin", "code_verifier", "api.key", "smtp.pass_word",
		"日Token", "日Pin", "token_ID", "password.length.password",
	} {
		assert.True(t, Default().MatchKey(key), key)
	}
	for _, key := range []string{
		"", ".", "id", "error.code", "key", "foreign_key", "ticket", "session", "signature", "account.key",
		"tokenizer", "secretary", "spinning", "token_type", "has_password", "password_changed_at", "max_tokens", "é",
	} {
		assert.False(t, Default().MatchKey(key), key)
	}
}

func TestIsParameter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"token", "Token", "TOKEN", "resetToken", "reset_token", "reset-token", "RESET_TOKEN", "APIKey", "apiKey",
		"api_key", "password", "otp", "OTPCode", "code", "inviteCode", "session", "sessionId", "session_id", "sid", "id}-{token}",
		"token...}", "token:[a-z]+}", "sessionTokenId", "has_password", "token_type", "taxId", "dbpassword", "cardNumber",
		"iban", "pan", "日Pin", "日Code",
	} {
		assert.True(t, IsParameter(name), name)
	}
	for _, name := range []string{
		"", ".", "...", "id", "articleId", "tokenId", "tokenId...}", "key_id", "keyboard", "monkey", "encode", "tokens2",
		"pinned", "category", "é",
	} {
		assert.False(t, IsParameter(name), name)
	}
}

// TestCoveredWords lists the words that redaction and paths masked when each of them had
// a list of its own. None of them may be lost.
func TestCoveredWords(t *testing.T) {
	t.Parallel()
	both := strings.Fields(`
		authorization cookie credential credentials csrf cvv iban jwt otp passcode passphrase passwd password
		pin pwd secret sid ssn token totp xsrf`)
	parameterOnly := strings.Fields(`auth card code hmac key magic nonce session sig signature ticket verifier`)
	keyOnly := strings.Fields(`
		passwords pswd passkey secrets tokens creds bearer authorisation cookies sessionid apikey privatekey accesskey
		secretkey signingkey encryptionkey masterkey cardnumber creditcard ccnumber pan cvv2 cvc cvc2 pins pincode hotp
		connectionstring dsn mnemonic kubeconfig htpasswd`)
	keyPhrases := []string{
		"pass phrase", "pass code", "pass word", "user pass", "db pass", "smtp pass", "session id", "session key",
		"api key", "api keys", "app key", "access key", "access keys", "account key", "private key", "private keys",
		"secret key", "signing key", "encryption key", "decryption key", "master key", "shared key", "license key",
		"ssh key", "host key", "hmac key", "storage key", "subscription key", "service key", "server key", "webhook key",
		"auth key", "auth header", "x auth", "basic auth", "proxy auth", "key material", "connection string",
		"social security", "national insurance", "tax id", "card number", "card no", "card num", "card pan", "card code",
		"credit card", "debit card", "cc number", "bank account", "account number", "routing number", "sort code",
		"security code", "one time code", "mfa code", "2fa code", "tfa code", "sms code", "auth code",
		"verification code", "activation code", "reset code", "backup code", "backup codes", "recovery code",
		"recovery codes", "recovery phrase", "seed phrase", "api.key", "private.key", "secret.key", "access.key",
	}
	for _, name := range slices.Concat(both, keyOnly, keyPhrases) {
		assert.True(t, Default().MatchKey(name), "key %s", name)
		assert.True(t, Default().MatchKey("my_"+name), "key my_%s", name)
	}
	for _, name := range slices.Concat(both, keyOnly, keyPhrases, parameterOnly) {
		assert.True(t, IsParameter(name), "parameter %s", name)
		assert.True(t, IsParameter("my_"+name+"_x"), "parameter my_%s_x", name)
	}
}

// TestSplitInSeveralWays has names that were masked when keys and parameters were split by
// rules of their own: one of the ways to split them has a secret word.
func TestSplitInSeveralWays(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"JWT_日Version", "secret.日Type", "日Token", "password_日Count"} {
		assert.True(t, Default().MatchKey(key), key)
	}
	for _, name := range []string{"ÉKEY", "éKEY", "ÉTOKEN_id2", "KEYIs", "PINAs_x", "ΩSIG", "日Key"} {
		assert.True(t, IsParameter(name), name)
	}
	w, err := Default().With("日Pin", "code type")
	require.NoError(t, err)
	for _, key := range []string{"日pin", "my_日pin", "日Pin", "magic_link_code_type", "token_code_type"} {
		assert.True(t, w.MatchKey(key), key)
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	w, err := Default().With("badge number", "shoeSize", "user.mail")
	require.NoError(t, err)
	for _, key := range []string{"staffBadgeNumber", "SHOE-SIZE", "user.mail", "password"} {
		assert.True(t, w.MatchKey(key), key)
	}
	assert.False(t, w.MatchKey("userMail"))
	assert.False(t, Default().MatchKey("badge_number"), "the default does not change")
	for _, name := range []string{"", "...", "-", ".key"} {
		_, err = Default().With("fine", name)
		require.Error(t, err, "%q", name)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                 "",
		"resetToken":       "reset token",
		"RESET_TOKEN":      "reset token",
		"APIKey":           "api key",
		"myAPIs":           "my apis",
		"userIDsSeen":      "user ids seen",
		"x-v2Key":          "x v2 key",
		"account.key":      "account . key",
		"日Pin":             "日 pin",
		"ÉtatCivil":        "état civil",
		"bad\xffutf":       "bad utf",
		"  spaced  out  ":  "spaced out",
		"{id:[0-9]+}-key}": "id 0 9 key",
	} {
		assert.Equal(t, want, strings.Join(Split(name), " "), "%q", name)
	}
}
