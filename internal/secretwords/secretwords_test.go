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

// TestKinds has names of each kind: with digits, in the plural, in other scripts, joined,
// and names that only sound like that of a secret.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, key := range append(strings.Fields(secretKinds), "to\u200bken", "pass\u00adword", "كلمة المرور", "to\u0301ken") {
		assert.True(t, Default().MatchKey(key), key)
	}
	for key := range strings.FieldsSeq(harmlessKinds) {
		assert.False(t, Default().MatchKey(key), key)
	}
}

const secretKinds = `
	token3 tokens2 secret_3 secretTwo password10 passwords1 apiKey2 api_key_3 pwd1 pin2 otp1 PASSWORD_1 dbPassword2
	JSESSIONID ASPSESSIONIDQQ connect.sid session_ids sess_id sessionID laravel_session_id CFTOKEN MYSQL_PWD
	PGPASSWORD MYSQL_ROOT_PASSWORD REDIS_PASSWORD REDIS_URL MONGO_URI MONGODB_URI POSTGRES_URL RABBITMQ_URL AMQP_URL
	SENTRY_DSN JDBC_URL CONNECTION_STRING ConnectionStrings connStr AZURE_STORAGE_CONNECTION_STRING GITHUB_TOKEN
	GH_TOKEN NPM_TOKEN SLACK_TOKEN SLACK_WEBHOOK_URL webhookUrl discord_webhook DOCKER_PASSWORD AWS_SESSION_TOKEN
	AWS_SECRET_ACCESS_KEY aws_access_key_id GOOGLE_API_KEY OPENAI_API_KEY stripeSecretKey stripe_key signingSecret
	webhook_signing_secret hmac_secret jwt_secret JWT_SIGNING_KEY encryption_key ENCRYPTION_KEYS privateKeyPem
	ssh_private_key rsa_private_key tls_private_key gpg_passphrase keystore_password truststorePassword keyPassword
	storepass keypass new_password newPassword oldpassword currentPassword password_new passwordNew confirm_password
	passwordConfirmation repeatPassword password_again userpassword userPasswd user_pwd rootpw adminPassword
	admin_pass adminpass dbpass db_pass DB_PASS smtp_pass SMTP_PASSWORD wifiPassword wifi_psk hashedPassword
	password_digest encrypted_password passwordSalt pw_hash passHash user.password.hash accessToken bearerToken
	bearer_token auth_token csrfToken csrfmiddlewaretoken __RequestVerificationToken authenticity_token X-CSRF-Token
	xsrfToken idToken id_tokens refresh_tokens resetToken reset_password_token invitation_token
	email_verification_token magicLink loginLink resetLink password_reset_link password_reset_url activation_link
	cardNo card_no card_num cardnumber CardNumber ccNumber cc_num pan PAN card.number primaryAccountNumber accountNo
	accountNumber account_nr bankAccountNumber bank_account_no iban customerIban payeeIban creditor_iban
	routing_number sort_code ssn user_ssn ssnNumber social_security nationalInsuranceNumber nino national_id tax_id
	taxpayerId passportNumber passport_no passport driversLicense driving_license_number licenseKey
	cvv CVV2 cvc_code securityCode card_cvv cardCvc pin PIN pinCode cardPin atm_pin new_pin sim_pin pin_hash otp
	otp_code totp_secret totpSeed mfa_code twoFactorCode two_factor_code 2fa_code smsCode verification_codes
	verificationCode confirmationCode activationCode recovery_codes recoveryCode backup_code backupCodes
	one_time_password oneTimePin recoveryPhrase seedPhrase mnemonicPhrase mnemonic wallet_seed walletPrivateKey
	authorization Authorization proxy-authorization authorisation X-Auth-Token X-Amz-Security-Token X-Api-Key
	x-goog-api-key Ocp-Apim-Subscription-Key x-functions-key X-Vault-Token private-token set-cookie Set-Cookie2
	cookie sessionCookie session_cookie remember_token passwort Passwörter kennwort geheimnis neuesPasswort
	passwort_neu kontonummer kreditkartennummer zugangsdaten motDePasse mot_de_passe mdp contraseña contrasena
	clave_secreta senha nova_senha senha_atual wachtwoord lösenord passord adgangskode salasana hasło haslo heslo
	jelszó şifre sifre parola parolă lozinka geslo пароль новый_пароль user_пароль токен секрет 密码 用户密码 密碼 口令 パスワード
	비밀번호 סיסמה كلمة_المرور पासवर्ड รหัสผ่าน mật_khẩu κωδικός συνθηματικό раssword pаsswоrd tоken sесret ＴＯＫＥＮ ｓｅｃｒｅｔ
	𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝 ⓟⓐⓢⓢⓦⓞⓡⓓ pássword pässwörd credentials_json gcp_credentials creds cred client_credentials
	service_account_key serviceAccountKey keyfile kubeconfig htpasswd pfx_password p12_password unlock_code pukCode
	secretAnswer security_answer secret_data secretValue secret_text token_value token_hash tokenHash passwordText
	passwordEncrypted sas_token sasUrl presignedUrl presigned_url signed_url storageKey accountKey shared_access_key
	SharedAccessKey
	bindpw olcRootPW bind_pw passw0rd SECRET_KEY_BASE REDISCLI_AUTH encryption.key zugangscode codigo_de_acceso
	lösenordet salasanasi şifreniz ᴘᴀꜱꜱᴡᴏʀᴅ srcstorepass
	credentials.value.state secrets.db.name passwords.router-url passwords.0 token.value.state`

const harmlessKinds = `
	token_type tokenType token_count tokens_used max_tokens prompt_tokens tokenLimit token_limit token_budget
	token_economy tokenizer tokenization tokenized token_expiry token_expires_in tokenIssuer token_ring token_bucket
	token_symbol token_name token_url tokenEndpoint password_length passwordPolicy password_policy
	password_changed_at passwordLastChanged password_expired passwordExpiry password_strength passwordless
	password_reset_required password_attempts passwordFormat password_hint_shown must_change_password has_password
	hasPassword is_secret isSecret no_password secretary secretariat secretion secret_santa secret_garden secretCount
	secret_level secret_version secret_name secretName secretRef secret_type passenger passengers passage passive
	passion passing passed pass_rate pass_count pass_mark passing_grade compass bypass trespass encompass surpass
	overpass underpass boarding_pass ski_pass seasonPass test_pass first_pass passthrough pass_through
	password_required pin_up pinup pinned pinning pinCount pins_count mapPins map_pin shippingPin pinpoint pinball
	pinboard pineapple spinner opinion shipping typing mapping ping pingTimeout pink pinion pint pinterest bobby_pin
	gpio_pin pin_color pin_type panel panels pan_european pancake pandas japan company companyName expand span spanId
	pant pants pane european_pan_type iban_country ibanez urban suburban turban caliban taliban libanon cuban
	card_type cardType card_brand cardBrand card_last4 cardLast4 last4 card_expiry cardholder cardholder_name
	dashboard keyboard postcard mastercard discard cardiology cardinality wildcard scorecard sidecar card_count key
	keys primary_key primaryKey foreign_key partition_key sort_key sortKey cache_key routing_key config_key keynote
	keyword keywords monkey turkey hotkey key_count key_type keyName translation_key idempotency_key public_key
	publicKey public_key_id object_key s3_key map_key row_key author authors authority authentic authenticity
	authenticated auth_method authMethod auth_provider authType authorization_status authorization_date authorized
	authorizedBy authored session session_count session_duration sessionLength session_start sessions session_title
	session_type sessionExpired session_timeout possession obsession cookie_banner cookies_enabled cookie_consent
	cookieConsent cookie_policy cookie_jar cookie_domain cookiecutter code error_code errorCode status_code
	country_code zip_code postal_code postcode bank_code currency_code promo_code language_code codec codebase encode
	barcode qr_code discount_code area_code dial_code product_code code_review color_code exit_code response_code
	bearer_bond bearer_shares forbearer bearing credit credit_limit credit_score creditcard_type credits
	accreditation president resident resident_id residence desid beside besides inside sidebar side aside sidewalk
	reside passport_country passport_expiry passportIssuer license_plate license_type driver_name
	driver_id account account_id account_type account_name accountManager bank_account_manager bank_name bankBranch
	csrf_enabled jwt_issuer jwtAlgorithm otp_enabled otpChannel otp_sent_at otp_expires_at mfa mfa_enabled mfa_method
	two_factor_enabled dsn_format ssn_last4 cvv_result cvv_check cvs cvcs cvs_count cv cvc_check avs_result tax
	tax_rate tax_amount taxRate vat_id taxi social socialMedia security security_level securityLevel security_group
	security_question_count webhook_id webhook_count webhookEvents webhook_enabled database database_name db_name
	db_host redis_host mongo_version url uri link website hyperlink link_text connection connection_id
	connection_count connection_string_count connectionType license_key_type host_key_algorithm server_key_indicators
	app_key_features encryption_key_length api_key.type api_key_name apiKeyCount api_version api_key_id_count
	access_level access_key_age accessed private is_private privacy message note title body description reason status
	laptop optop option optical adopt laptopModel stop topping hotpot sid_count sidekick inside_sales desired
	wordpress wordcount crosswalk recovery recovery_time seed seedling seeds phrase catchphrase signature signed
	nonce hash checksum digest fingerprint hostname hashtag mnemonic_device_count kubernetes pw_count power pwa pwm
	saltwater salt salty basalt credible accredited sacred incredible credo creditor debtor cc_emails ccs
	passwords.count secret.rotation token_refreshed token_valid_from token_valid_to password_policy_id
	passwort_richtlinie passwortlänge passwort_ablaufdatum`

func TestMatch(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]Strength{
		"password": Strong, "token1": Strong, "dbpassword": Strong, "pin": Weak, "card_number": Weak, "title": None,
		"pin_token": Strong, "password_type": None,
	} {
		assert.Equal(t, want, Default().Match(key), key)
	}
}

func TestIsQuery(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sig", "code", "key", "X-Amz-Signature", "Signature", "auth_code"} {
		assert.True(t, IsQuery(name), name)
	}
	for _, name := range []string{"", "country_code", "sort.key", "codes_of", "page"} {
		assert.False(t, IsQuery(name), name)
	}
}

func TestIsParameter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"token", "Token", "TOKEN", "resetToken", "reset_token", "reset-token", "RESET_TOKEN", "APIKey", "apiKey",
		"api_key", "password", "otp", "OTPCode", "code", "inviteCode", "session", "sessionId", "session_id", "sid", "id}-{token}",
		"token...}", "token:[a-z]+}", "sessionTokenId", "has_password", "token_type", "taxId", "dbpassword", "cardNumber",
		"iban", "pan", "日Pin", "日Code", "tokens2", "пароль",
	} {
		assert.True(t, IsParameter(name), name)
	}
	for _, name := range []string{
		"", ".", "...", "id", "articleId", "tokenId", "tokenId...}", "key_id", "keyboard", "monkey", "encode",
		"pinned", "category", "libanon", "shippingPin", "é",
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
		"ÉtatCivil":        "etat civil",
		"pаss\u200bＷord":   "pass word",
		"bad\xffutf":       "bad utf",
		"  spaced  out  ":  "spaced out",
		"{id:[0-9]+}-key}": "id 0 9 key",
	} {
		assert.Equal(t, want, strings.Join(Split(name), " "), "%q", name)
	}
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	for _, name := range append(Directives(), "bindPW", "REQUIREPASS") {
		assert.True(t, IsDirective(name), name)
		assert.True(t, Default().MatchKey(name), name)
	}
	for _, name := range []string{"", "password", "bindpw_of_the_directory"} {
		assert.False(t, IsDirective(name), name)
	}
}
