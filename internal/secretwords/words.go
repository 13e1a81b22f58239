package secretwords

import "strings"

// strongWords name a secret wherever they are in a name, unless its last word says that the
// name only describes the secret. Their plurals are containers: whatever is below
// "passwords." is a secret.
var strongWords = strings.Fields(`
password passwords passwd passwds passwrd passwort passwörter passwoerter paßwort pwd pwds pswd psw psswd
passphrase passphrases passcode passcodes passkey passkeys secret secrets token tokens
credential credentials creds cred authorization authorisation
jwt jwts csrf xsrf
apikey apikeys privatekey privkey accesskey secretkey signingkey encryptionkey masterkey sessionid sessid
kennwort kennwörter geheimzahl geheimnis zugangsdaten losungswort
zugangscode zugriffscode zugangscodes einmalpasswort zugangsschlüssel bindpw rootpw olcrootpw passw0rd p4ssword p4ssw0rd pa55word pa55w0rd
motdepasse mdp contraseña contraseñas contrasenya senha senhas segredo segreto secreto credenciales credenciais credenziali
wachtwoord wachtwoorden toegangscode lösenord passord adgangskode kodeord lykilorð salasana tunnussana salasõna
hasło hasła heslo hesla hasłem hasłu heslem hesle jelszava jelszavad jelszavam lösenordet lösenorden passordet passordene adgangskoden kodeordet
salasanan salasanasi salasanani şifreniz şifren şifresi şifrem паролата лозинке лозинку gesla parooli slaptažodžio
jelszó şifre parola parolă parole lozinka zaporka geslo parool slaptažodis katasandi matkhau
пароль пароли пароля паролю паролі парола лозинка токен токены секрет секреты пинкод
κωδικός συνθηματικό μυστικό סיסמה סיסמא סיסמאות पासवर्ड কূটশব্দ পাসওয়ার্ড รหัสผ่าน
密码 密碼 口令 密钥 密鑰 私钥 私鑰 令牌 验证码 驗證碼 パスワード 暗証番号 秘密鍵 トークン 비밀번호 암호 비밀키 토큰 گذرواژه`)

// weakWords name a secret at the end of a name, or before a carrier: pin and pin_code do,
// pin_up and pan_european do not.
var weakWords = strings.Fields(`
pass pw pwhash bearer cookie cookies sid phpsessid jsessionid ssn pan pans cvv cvv2 cvc cvc2 iban ibans
pin pins otp totp hotp dsn dsns mnemonic kubeconfig htpasswd keystore pincode passport nin cardnumber creditcard ccnumber
ccnum connectionstring requirepass masterauth nino aadhaar cpf bsn personnummer steuernummer psk storepass keypass keyfile sandi clave пин jeton
sicherheitscode bestätigungscode freischaltcode wlanschlüssel bindpass`)

// directives are names whose value follows after a blank in files of configuration, and which occur
// in no other sentence.
var directives = set(`bindpw bind_pw rootpw requirepass masterauth olcrootpw sasl_passwd bindpass storepass keypass`)

// strongPhrases are phrases that name a secret wherever they are in a name, like strongWords.
var strongPhrases = []string{
	"pass phrase", "pass word",
	"mot de passe", "mots de passe", "palavra passe", "kata sandi", "mật khẩu", "clé secrète", "clé privée", "clave secreta",
	"clave de acceso", "código de acceso", "chave de acesso", "código de acesso", "chave secreta", "chiave segreta", "chiave di accesso",
	"codice di accesso", "parola d ordine", "parola d accesso", "code d accès", "clé d accès", "kod dostępu", "kod pristupa",
	"geheime sleutel", "toegangs code", "geheimer schlüssel", "секретный ключ", "код доступа", "κωδικός πρόσβασης", "كلمة السر", "كلمة المرور",
	"كلمه المرور", "كلمه السر", "رمز عبور", "کلمه عبور",
}

// phrases are sequences of words that name a secret, under the rule of weakWords. Their
// plurals do too. They are also found where they are written as one word.
var phrases = []string{
	"pass code", "pass key", "pass wd", "user pass", "db pass", "smtp pass",
	"session id", "sess id", "session key", "session cookie",
	"api key", "app key", "access key", "account key", "private key",
	"secret key", "signing key", "encryption key", "decryption key", "master key", "shared key", "license key",
	"ssh key", "tls key", "ssl key", "pem key", "cert key", "certificate key", "dsa key", "ecdsa key", "ed key", "fernet key", "host key", "hmac key", "storage key", "subscription key", "service key", "server key", "webhook key",
	"auth key", "auth header", "x auth", "basic auth", "http auth", "redis auth", "rediscli auth", "proxy auth", "rsa private", "private pem", "key material", "recovery key", "root key", "aes key",
	"rsa key", "deploy key", "integration key", "ingest key", "write key", "functions key", "client key", "unseal key", "data key",
	"stripe key", "openai key", "anthropic key", "sendgrid key", "twilio key", "mailgun key", "aws key", "azure key", "google key",
	"connection string", "conn string", "id rsa", "id dsa", "id ecdsa", "id ed", "connection url", "connection uri", "conn str", "database url", "database uri",
	"db url", "db uri", "redis url", "mongo url", "mongo uri", "mongodb uri", "mongodb url", "postgres url", "postgresql url",
	"mysql url", "amqp url", "rabbitmq url", "broker url", "jdbc url", "cloudinary url", "sentry dsn",
	"webhook url", "webhook uri", "slack webhook", "discord webhook", "teams webhook", "hook url",
	"magic link", "reset link", "reset url", "login link", "signin link", "sign in link", "invite link", "invitation link",
	"confirmation link", "confirm link", "activation link", "verification link", "verify link", "recovery link",
	"signed url", "presigned url", "sas url", "sas signature",
	"social security", "social security number", "social insurance number", "national insurance", "national insurance number",
	"national id", "tax id", "tax number", "steuer id", "nhs number", "medicare number", "health insurance number", "taxpayer id", "passport no", "passport number", "passport num",
	"driver license", "drivers license", "driver s license", "driving license",
	"driver licence", "drivers licence", "driving licence", //nolint:misspell // British keys have it so
	"card number", "card no", "card num", "card nr", "card pan", "card code", "card pin", "card cvc", "card cvv",
	"credit card", "debit card", "credit card number", "cc number", "cc num", "cc no", "bank account", "bank account number",
	"account number", "account nr", "account no", "account num", "acct number", "acct no", "acct num", "routing number",
	"sort code", "security code", "security answer", "secret answer", "one time code", "one time password", "one time pin",
	"mfa code", "2fa code", "tfa code", "sms code", "auth code", "authentication code", "login code", "access code",
	"verification code", "confirmation code", "activation code", "reset code", "backup code", "recovery code",
	"scratch code", "two factor code", "twofactor code", "device code", "activation key", "saml response", "saml assertion", "client assertion", "pairing code", "unlock code", "puk code",
	"gh pat", "github pat", "gitlab pat", "bitbucket pat", "azure pat", "devops pat", "git pat", "jira pat", "npm pat",
	"recovery phrase", "seed phrase", "seed words", "mnemonic phrase", "wallet seed", "code verifier",
	"api . key", "private . key", "secret . key", "access . key", "card . number", "account . number", "session . id",
	"code secret", "clé api", "clé d api", "código secreto", "codice segreto", "código pin", "numéro de carte", "carte bancaire",
	"chave privada", "chave de api", "clave privada", "clave api", "número de tarjeta",
	"numero carta", "chiave privata", "chiave api", "privater schlüssel", "api schlüssel", "wlan schlüssel", "lizenz schlüssel",
	"karten nummer", "kreditkarten nummer", "konto nummer", "ausweis nummer", "sozialversicherungs nummer",
	"закрытый ключ", "номер карты", "код подтверждения", "your code", "ihr code", "dein code", "votre code", "su código", "tu código",
	"seu código", "tuo codice", "uw code", "app . key", "encryption . key", "signing . key", "master . key", "instrumentation key",
	"authentication key",
}

// parameterWords name a secret in a route's parameter, and with weak evidence in a query.
// In a record such a key is usually harmless: an error code, the key of a setting, a
// support ticket.
var parameterWords = strings.Fields(`assertion auth card code hmac key magic nonce session sig signature ticket verifier`)

// vendors begin the names of their parameters.
var vendors = set(`x amz goog ms oauth saml auth sas`)

// parts name a secret in any word that contains one, since names are also written without
// separators: dbpassword.
var parts = []string{
	"password", "passwd", "passphrase", "passwort", "kennwort", "motdepasse", "contrasena", "wachtwoord", "losenord",
	"apikey", "secretkey", "privatekey", "accesskey", "signingkey", "encryptionkey", "clientsecret", "authtoken", "accesstoken",
	"sessionid", "sessid", "connectionstring", "cardnumber", "creditcard", "credential",
}

// endings name a secret at the end of a word: accesstoken does, but tokenizer and
// secretary do not.
var endings = []string{"token", "tokens", "secret", "secrets", "pwd", "cookie"}

// qualifiers are joined to words that are too short to be looked for after anything:
// userpass is a secret, compass is none.
var qualifiers = set(`user usr db database my admin root new old current confirm repeat retype verify login auth access api app
client server web http smtp imap pop ftp sftp ssh mail email proxy ldap mysql postgres pg sql redis mongo mongodb rabbit rabbitmq
aws azure gcp bot device reset account acct bank customer card credit debit sim atm wifi wlan wpa psk master temp tmp default super
sudo guest host node cluster registry docker vault deploy ci git svn service site backup payee payer debtor creditor beneficiary
sender recipient owner employee member patient plain hashed encrypted decrypted src dest bind root einmal`)

// carriers are words after the name of a secret that do not change what it names:
// otp_code, DSN_PROD.
var carriers = set(`value values val code codes number numbers no num nr id ids hash hashed hashes digest data text txt string str digits
raw plain plaintext clear cleartext encrypted encoded enc base64 b64 hex json pem old new current previous prev next first second
primary secondary confirm confirmation confirmed repeat again retype copy backup temp tmp input content body param parameter default
original env var header user admin root prod production dev development test testing staging stage live sandbox local internal
external public main master slave replica read write ro rw secret key token phrase word words full entered given typed submitted seed`)

// harmlessEndings are last words of names that describe a secret and do not contain it:
// password_length.
var harmlessEndings = set(`count counts counter at on in by until ago enabled disabled length len size type types kind kinds expires expire expiry expiration
expired expiring ttl policy policies required changed updated created modified deleted removed rotated status state version age
strength attempts attempt consent name names limit limits used usage remaining verified valid validity invalid present issuer
algorithm algo alg format source provider providers method methods scheme schemes scope scopes url uri endpoint endpoints path field
fields rotation reset resets lifetime timeout banner accepted issued revoked revocation failures failed failure retries retry ok ref
manager manufacturer vendor country countries region locale features feature indicators indicator economy ring bucket budget family
holder owner owners category class group level levels score entropy complexity quality check checks validator validators validation
verification generator parser handler handlers service services store stores storage factory middleware page form screen view label
labels title description message messages error errors warning warnings reason reasons event events date time day days hour hours
minute minutes second seconds week weeks month months year years period duration interval window history rule rules requirement
requirements setting settings preference preferences notice template templates audience subject client clients app application env
environment symbol price supply market contract decimals standard last4 last brand network santa garden gardens sauce ballot agent
shopper menu society recipe recipes jar cutter domain samesite secure httponly maxage prompt request requests response less free based
protected protection support supported allowed mode modes mandatory optional needed missing exists set unset empty visible hidden
shown masked mask pattern regex charset alphabet minimum maximum min max total sum avg average cost costs rate rates quota quotas
pool pools index idx order position offset sequence seq flag flags option options config configuration board up pad entry entries
locked lock lockout unlocked blocked suspended exempt exempted matched out warnings reminder reminders sent delivered notification
notifications channel channels device devices platform tier plan plans issuance binding bindings exchange introspection endpointurl
richtlinie richtlinien lange alter ablauf ablaufdatum anderung geandert geaendert wechsel starke vergessen zuruckgesetzt versuche
erforderlich abgelaufen gesperrt gultig anzahl schema tag tags topic topics section chapter story novel history tests suite review reviews reviewer refreshed länge stärke änderung geändert gültig zurückgesetzt`)

// harmlessBefore are last words after which the word before them decides: token_valid_from,
// password_policy_id.
var harmlessBefore = set(`id from to`)

// harmlessBeginnings are words before the name of a secret that have the same effect:
// has_password.
var harmlessBeginnings = set(`has is had have needs need requires require should can may must use uses using without no not show hide allow
allows allowed enable enabled disable disabled force forbid public count num max min total`)

// questions are first words of names that ask something about a secret:
// must_change_password.
var questions = set(`is has had have must should can needs requires`)

// otherThings are words before a weak word that make it another thing: shippingPin,
// boarding_pass.
var otherThings = set(`shipping map maps gpio location locations push drop dropped hair bowling safety linch cotter clock firing input output
connector header board jumper i2c spi rolling drawing bobby clothes cloth lapel boarding ski season day bus train rail hall visitor
multi single test tests tested first second third low high band mountain over under all free press museum park street frying baking
dust peter brain bed sauce guinea back bearing ball dog cookie fortune chocolate browser bank swift ring standard`)

// countBeginnings are words before tokens that are counted: max_tokens.
var countBeginnings = set(`num number total count max min prompt completion input output cached reasoning used remaining available
context generated consumed billed llm design`)

// counters are last words that describe a secret even below a container: passwords.count.
var counters = set(`count counts total length len size used limit limits max min number enabled disabled required remaining`)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		s[w] = true
	}
	return s
}
