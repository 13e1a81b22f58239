package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// The rates that TestKinds requires.
const (
	minMasked = 98.0 // percent of secrets of which nothing stays
	maxAlarms = 1.0  // percent of look-alikes that are changed
)

// variant is a value made of a kind: a secret in a text, or a look-alike without one.
type variant struct {
	key, value string
	secret     string // empty for a look-alike
	keep       string // what precedes the secret and must stay
}

// generator makes variants, the same ones in every run.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// random returns n characters of an alphabet.
func (g generator) random(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[g.IntN(len(alphabet))])
	}
	return b.String()
}

const (
	small    = "abcdefghijklmnopqrstuvwxyz"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	decimals = "0123456789"
	hexa     = decimals + "abcdef"
	letters  = small + capitals
	alnum    = letters + decimals
	words    = alnum + "-_"
)

// name returns a key that names a secret, in one of many styles.
func (g generator) name() string {
	parts := []string{pick(g, "password", "passwd", "secret", "token", "api key", "access key", "private key", "client secret",
		"credential", "auth token", "passphrase", "refresh token", "signing key", "webhook secret", "encryption key", "passwort", "contraseña",
		"senha", "пароль", "mot de passe", "wachtwoord", "şifre")}
	if g.IntN(2) == 0 {
		parts = append([]string{pick(g, "db", "user", "new", "my", "smtp", "admin", "x", "aws", "old", "github", "stripe", "service")}, parts...)
	}
	if g.IntN(4) == 0 {
		parts = append(parts, pick(g, "1", "2", "value", "hash", "prod", "new", "string"))
	}
	fields := strings.Fields(strings.Join(parts, " "))
	switch g.IntN(5) {
	case 0:
		return strings.Join(fields, "_")
	case 1:
		return strings.ToUpper(strings.Join(fields, "_"))
	case 2:
		return strings.Join(fields, "-")
	default:
		for i := range fields {
			if i > 0 || g.IntN(2) == 0 {
				r := []rune(fields[i])
				fields[i] = strings.ToUpper(string(r[:1])) + string(r[1:])
			}
		}
		return strings.Join(fields, "")
	}
}

// plainName returns a key that names a secret, of ASCII only and without a harmless part.
func (g generator) plainName() string {
	for {
		if n := g.name(); strings.Trim(n, words) == "" {
			return n
		}
	}
}

// password returns a secret without blanks and quotes.
func (g generator) password() string {
	switch g.IntN(4) {
	case 0:
		return g.random(alnum, 8+g.IntN(30))
	case 1:
		return g.random(letters, 3) + g.random(decimals, 2) + pick(g, "!", "#", "%", "*", "~", "^", "+", "_", "/") + g.random(alnum, 6)
	case 2:
		return g.random(hexa, 32)
	default:
		return g.random(words, 12+g.IntN(20))
	}
}

// phrase returns a secret of several words.
func (g generator) phrase() string {
	w := make([]string, 2+g.IntN(4))
	for i := range w {
		w[i] = g.random(small, 4+g.IntN(6))
	}
	return strings.Join(w, pick(g, " ", " ", "-", ", "))
}

func (g generator) anySecret() string {
	if g.IntN(3) == 0 {
		return g.phrase()
	}
	return g.password()
}

func toJSON(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// secretKinds make secrets.
var secretKinds = map[string]func(g generator) variant{
	"key": func(g generator) variant {
		s := g.anySecret()
		return variant{key: g.name(), value: s, secret: s}
	},
	"key in another script": func(g generator) variant {
		s := g.anySecret()
		return variant{key: g.disguise(g.plainName()), value: s, secret: s}
	},
	"json": func(g generator) variant {
		s := g.anySecret()
		v := any(map[string]any{"a": 1, g.name(): pick[any](g, s, []string{s}, map[string]string{"value": s})})
		for range g.IntN(3) {
			v = map[string]any{"a": "b", "inner": v}
		}
		return variant{value: toJSON(v), secret: s}
	},
	"json in json": func(g generator) variant {
		s := g.anySecret()
		text := toJSON(map[string]any{"name": "bob", g.plainName(): s})
		for range 1 + g.IntN(3) {
			text = toJSON(map[string]string{"body": text})
		}
		return variant{value: text, secret: s}
	},
	"json cut off": func(g generator) variant {
		s := g.anySecret()
		return variant{value: `{"user":"bob","` + g.name() + `":"` + s, secret: s, keep: `"user":"bob"`}
	},
	"name beside value": func(g generator) variant {
		s := g.password()
		n := g.plainName()
		return variant{value: pick(g, `{"name":"`+n+`","value":"`+s+`"}`, `[{"value":"`+s+`","key":"`+n+`"}]`,
			"- name: "+n+"\n  value: "+s, `<add key="`+n+`" value="`+s+`"/>`, `<key>`+n+`</key><string>`+s+`</string>`), secret: s}
	},
	"pair": func(g generator) variant {
		s := g.anySecret()
		sign := pick(g, "=", ":", " = ", ": ", "=>", " => ", " -> ", ":=", " : ", "\t=\t", "：", "＝")
		return variant{value: "login of bob " + g.name() + sign + s, secret: s, keep: "login of bob"}
	},
	"pair in quotes": func(g generator) variant {
		s := g.anySecret()
		q := pick(g, `"`, `'`, "`")
		return variant{value: g.plainName() + pick(g, "=", ": ", " = ", " => ") + q + s + q + pick(g, "", ", b", "\n", ";"), secret: s}
	},
	"pair below": func(g generator) variant {
		s := g.anySecret()
		return variant{value: "user: bob\n" + g.name() + pick(g, ":\n  ", ": |\n  ", ": >-\n    ", ":\n  - ", ":\n\n    ") + s, secret: s, keep: "user: bob"}
	},
	"lines": func(g generator) variant {
		s := g.anySecret()
		n := g.name()
		return variant{value: "host=db\n" + pick(g, "", "export ", "; old\n") + n + "=" + s + "\nport=1", secret: s, keep: "host=db"}
	},
	"toml": func(g generator) variant {
		s := g.anySecret()
		return variant{value: "[db]\n" + g.plainName() + pick(g, " = \"\"\"\n"+s+"\"\"\"", " = '"+s+"'", " = \""+s+"\""), secret: s, keep: "[db]"}
	},
	"form": func(g generator) variant {
		s := g.password()
		n := pick(g, g.plainName(), "user["+g.plainName()+"]", "user%5B"+g.plainName()+"%5D", "a."+g.plainName())
		return variant{value: "user=bob&" + n + "=" + url.QueryEscape(s) + "&x=1", secret: url.QueryEscape(s), keep: "user=bob"}
	},
	"encoded form": func(g generator) variant {
		s := g.random(alnum, 20)
		return variant{value: "q=" + url.QueryEscape(g.plainName()+"="+s), secret: s}
	},
	"url": func(g generator) variant {
		s := strings.ReplaceAll(g.password(), "%", "a")
		scheme := pick(g, "postgres", "amqp", "redis", "https", "mongodb+srv", "mysql", "ftp")
		if scheme == "https" {
			s = strings.ReplaceAll(s, "/", "b")
			s = strings.ReplaceAll(s, "#", "b")
		}
		return variant{value: "see " + scheme + "://bob:" + s + "@db.example:5432/x", secret: s, keep: "see " + scheme + "://bob:"}
	},
	"login": func(g generator) variant {
		s := g.random(alnum, 10)
		return variant{value: "bob:" + s + pick(g, "@tcp(db:3306)/x", "@db.example:5432/x", "@unix(/tmp/s)/x"), secret: s, keep: "bob:"}
	},
	"signed url": func(g generator) variant {
		s := g.random(alnum, 24)
		n := pick(g, "sig", "X-Amz-Signature", "X-Goog-Signature", "Signature", "token", "access_token", "code")
		return variant{value: "https://b.example/k?" + pick(g, "", "a=1&") + n + "=" + s, secret: s, keep: "https://b.example/k"}
	},
	"header": func(g generator) variant {
		s := g.password()
		return variant{value: "GET / HTTP/1.1\r\nHost: x\r\n" + pick(g, "Authorization: "+pick(g, "Bearer ", "Token ", "Basic ", "Custom ", "")+s,
			"X-Api-Key: "+s, "x-auth-token: "+s, "Cookie: theme=dark; sid="+s, "Set-Cookie: s="+s+"; Path=/", "Proxy-Authorization: Basic "+s,
			"X-"+g.plainName()+": "+s, `Authorization: Digest username="bob", response="`+s+`"`) + "\r\nAccept: */*", secret: s, keep: "Host: x"}
	},
	"basic": func(g generator) variant {
		s := base64.StdEncoding.EncodeToString([]byte("bob:" + g.random(alnum, 4+g.IntN(12))))
		if g.IntN(2) == 0 {
			s = strings.TrimRight(s, "=")
		}
		return variant{value: "sent " + pick(g, "Basic", "basic") + " " + s, secret: strings.TrimRight(s, "="), keep: "sent"}
	},
	"xml": func(g generator) variant {
		s := g.anySecret()
		n := g.plainName()
		return variant{value: "<user>bob</user>" + pick(g, "<"+n+">"+s+"</"+n+">", "<n:"+n+" a=\"b\">"+s+"</n:"+n+">", `<db `+n+`="`+s+`"/>`,
			"<"+n+"><![CDATA["+s+"]]></"+n+">", "<"+n+">\n  "+s+"\n</"+n+">", `<property name="`+n+`">`+s+`</property>`), secret: s, keep: "<user>bob</user>"}
	},
	"sql": func(g generator) variant {
		s := g.password()
		return variant{value: pick(g, "CREATE USER bob IDENTIFIED BY '"+s+"'", "ALTER ROLE bob WITH PASSWORD '"+s+"'", "ALTER USER bob identified by \""+s+"\"",
			"UPDATE users SET password = '"+s+"' WHERE id = 1", "INSERT INTO users (name, password) VALUES ('bob', '"+s+"')"), secret: s}
	},
	"command": func(g generator) variant {
		s := g.random(alnum, 12)
		return variant{value: pick(g, "mysql -u bob -p"+s+" db", "app --password "+s+" run", "app --api-token="+s, "curl -u bob:"+s+" https://x.example",
			"sshpass -p "+s+" ssh h", "docker login -u bob -p "+s, "redis-cli -a "+s+" ping", "PGPASSWORD="+s+" psql", `["app","--password","`+s+`"]`,
			`curl -H "X-Api-Key: `+s+`" https://x.example`), secret: s}
	},
	"dump": func(g generator) variant {
		s := g.anySecret()
		n := g.plainName()
		return variant{value: pick(g, "{Name:bob "+n+":"+s+"}", "User{name='bob', "+n+"='"+s+"'}", "[user] => bob\n["+n+"] => "+s, "{:user=>\"bob\", :"+n+"=>\""+s+"\"}",
			"map["+n+":"+s+" user:bob]", "{'name': 'bob', '"+n+"': '"+s+"'}", "User { name: \"bob\", "+n+": \""+s+"\" }"), secret: s}
	},
	"connection string": func(g generator) variant {
		s := g.random(alnum, 14)
		return variant{value: pick(g, "Server=db;User ID=bob;Password="+s+";Database=x", "host=db user=bob password="+s+" dbname=x",
			"AccountName=x;AccountKey="+s+"==;EndpointSuffix=y", "jdbc:sqlserver://db;user=bob;password="+s+";a=b"), secret: s}
	},
	"prose": func(g generator) variant {
		s := g.random(letters, 5) + g.random(decimals, 2) + g.random(letters, 4)
		return variant{value: "Hello, " + pick(g, "the password is "+s, "use password "+s+" today", "your API key: "+s, "Passwort: "+s, "the token is "+s+".",
			"пароль: "+s, "パスワード："+s, "mot de passe : "+s, "API key is "+s), secret: s, keep: "Hello,"}
	},
	"code": func(g generator) variant {
		s := g.random("123456789", 6)
		return variant{value: "Hello, " + pick(g, "your PIN is ", "PIN: ", "OTP ", "your verification code is ", "one-time code: ", "pin=", "SMS code: ") + s, secret: s, keep: "Hello,"}
	},
	"private key": func(g generator) variant {
		s := "MII" + g.random(alnum+"+/", 60)
		label := pick(g, "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "private key")
		nl := pick(g, "\n", `\n`, `\\n`, " ", "\r\n")
		begin, end := "-----BEGIN "+label+"-----"+nl, nl+"-----END "+label+"-----"
		if label == "private key" {
			begin, end = strings.ToLower(begin), strings.ToLower(end)
		}
		return variant{value: "key " + pick(g, begin+s+end, begin+s), secret: s, keep: "key"}
	},
	"web token": func(g generator) variant {
		b := base64.RawURLEncoding
		header := b.EncodeToString([]byte(pick(g, `{"alg":"HS256","typ":"JWT"}`, `{"typ": "JWT", "alg": "RS256"}`, `{"kid":"1","alg":"ES256"}`)))
		claims := b.EncodeToString([]byte(`{"sub":"` + g.random(decimals, 5+g.IntN(40)) + `"}`))
		s := header + "." + claims + pick(g, "."+g.random(words, 43+g.IntN(300)), "")
		return variant{value: g.around(s), secret: s}
	},
	"token": func(g generator) variant {
		s := g.token()
		return variant{value: g.around(s), secret: s}
	},
	"webhook": func(g generator) variant {
		s := pick(g, "https://hooks.slack.com/services/T"+g.random(capitals, 8)+"/B"+g.random(capitals, 8)+"/"+g.random(alnum, 24),
			"https://discord.com/api/webhooks/"+g.random(decimals, 18)+"/"+g.random(words, 60),
			"https://acme.webhook.office.com/webhookb2/"+g.random(hexa, 32), "https://chat.example.com/hooks/"+g.random(small+decimals, 26))
		return variant{value: "posted to " + s, secret: s, keep: "posted to"}
	},
	"password hash": func(g generator) variant {
		s := pick(g, "$2"+pick(g, "a", "b", "y")+"$12$"+g.random(alnum+"./", 53), "$argon2id$v=19$m=65536,t=3,p=4$"+g.random(alnum, 22)+"$"+g.random(alnum+"+/", 43),
			"$6$"+g.random(alnum, 12)+"$"+g.random(alnum+"./", 86), "{SSHA}"+g.random(alnum, 32)+"==", "pbkdf2_sha256$600000$"+g.random(alnum, 22)+"$"+g.random(alnum, 43))
		return variant{value: "old " + s, secret: s, keep: "old"}
	},
	"card": func(g generator) variant {
		s := g.group(g.cardNumber())
		return variant{value: "paid with " + pick(g, "", "card x", "no. ") + s + pick(g, "", " ok", "|12/28|123", ", thanks"), secret: s, keep: "paid with"}
	},
	"account": func(g generator) variant {
		s := g.iban()
		return variant{value: "transfer to " + s + pick(g, "", " done", ", thanks"), secret: s, keep: "transfer to"}
	},
	"social security": func(g generator) variant {
		s := fmt.Sprintf("%03d-%02d-%04d", 1+g.IntN(660), 1+g.IntN(99), 1+g.IntN(9999))
		return variant{value: pick(g, "ssn ", "on file: ", "SSN: ") + s + pick(g, "", " ok"), secret: s}
	},
	"table": func(g generator) variant {
		s := g.password()
		sep := pick(g, ",", ";", "\t", " | ")
		return variant{value: "user" + sep + g.plainName() + "\nbob" + sep + s, secret: s, keep: "user"}
	},
	"multipart": func(g generator) variant {
		s := g.anySecret()
		nl := pick(g, "\r\n", "\n")
		return variant{value: "--b" + nl + `Content-Disposition: form-data; name="` + g.plainName() + `"` + nl + nl + s + nl + "--b--", secret: s, keep: "--b"}
	},
}

// disguise writes an ASCII name so that a reader sees the same, but not a program.
func (g generator) disguise(name string) string {
	twins := strings.NewReplacer("a", "а", "e", "е", "o", "о", "p", "р", "c", "с")
	switch g.IntN(4) {
	case 0:
		return twins.Replace(name)
	case 1:
		at := 1 + g.IntN(len(name)-1)
		return name[:at] + pick(g, "\u200b", "\u200d", "\u00ad", "\ufeff") + name[at:]
	default:
		wide := []rune(name)
		for i, r := range wide {
			if r > ' ' && r != '-' && r != '_' {
				wide[i] = r - '!' + '！'
			}
		}
		return string(wide)
	}
}

// around puts a token into a text.
func (g generator) around(token string) string {
	return pick(g, token, "the key "+token+", again", "("+token+")", `"`+token+`"`, "/v1/"+token+"/x", "a b\n"+token+"\nc", "note: "+token, "x/"+token)
}

// tokenSpec is a kind of token of a vendor: its prefix, alphabet and length, and the rest.
type tokenSpec struct {
	prefix, alphabet string
	n                int
	suffix           string
}

var tokenSpecs = []tokenSpec{
	{"ghp_", alnum, 36, ""},
	{"ghs_", alnum, 36, ""},
	{"github_pat_", alnum, 22, "_abcDEF0123456789abcDEF0123456789"},
	{"glpat-", words, 20, ""},
	{"gldt-", words, 20, ""},
	{"glrt-", words, 20, ""},
	{"xoxb-", decimals, 12, "-123456789012-abcDEF012345abcDEF012345"},
	{"xapp-1-", alnum, 40, ""},
	{"sk_live_", alnum, 24, ""},
	{"rk_live_", alnum, 24, ""},
	{"whsec_", alnum, 32, ""},
	{"SG.", words, 22, "." + strings.Repeat("aB3_", 10)},
	{"npm_", alnum, 36, ""},
	{"pypi-AgEIcHlwaS5vcmc", words, 70, ""},
	{"dckr_pat_", words, 27, ""},
	{"dop_v1_", hexa, 64, ""},
	{"shpat_", hexa, 32, ""},
	{"sq0csp-", words, 43, ""},
	{"AKIA", capitals, 16, ""},
	{"ASIA", capitals, 16, ""},
	{"AIza", words, 35, ""},
	{"GOCSPX-", words, 28, ""},
	{"ya29.", words, 100, ""},
	{"hf_", letters, 34, ""},
	{"hvs.", words, 90, ""},
	{"dapi", hexa, 32, ""},
	{"dp.pt.", alnum, 43, ""},
	{"lin_api_", alnum, 40, ""},
	{"ntn_", alnum, 46, ""},
	{"secret_", alnum, 43, ""},
	{"NRAK-", capitals, 27, ""},
	{"glsa_", alnum, 32, "_abcdef01"},
	{"glc_eyJ", alnum, 60, ""},
	{"key-", hexa, 32, ""},
	{"", hexa, 32, "-us12"},
	{"ATATT3xFfGF0", words, 60, ""},
	{"ATBB", alnum, 32, ""},
	{"AGE-SECRET-KEY-1", capitals, 58, ""},
	{"sk-proj-", words, 60, ""},
	{"sk-ant-api03-", words, 93, ""},
	{"gsk_", alnum, 52, ""},
	{"r8_", alnum, 37, ""},
	{"PMAK-", hexa, 24, "-" + strings.Repeat("ab12", 8)},
	{"sntrys_eyJ", alnum, 60, ""},
	{"pscale_tkn_", words, 43, ""},
	{"sbp_", hexa, 40, ""},
	{"rubygems_", hexa, 48, ""},
	{"tskey-auth-", alnum, 30, ""},
	{"xkeysib-", hexa, 64, "-abcDEF0123456789"},
	{"v2.local.", words, 80, ""},
	{"abcdEFGH123456.atlasv1.", words, 67, ""},
	{"pat", alnum, 14, "." + strings.Repeat("0a1b", 16)},
	{"oy2", small, 42, "7"},
	{"1//0", words, 60, ""},
	{"EAA", alnum, 120, ""},
	{"HRKU-AA", words, 58, ""},
	{"sl.u.", words, 120, ""},
	{"figd_", words, 40, ""},
	{"IQoJb3JpZ2luX2Vj", alnum + "/+", 200, ""},
	{"xprv9s21", alnum, 103, ""},
}

func (g generator) token() string {
	s := pick(g, tokenSpecs...)
	return s.prefix + g.random(s.alphabet, s.n-1) + g.random(s.alphabet[:len(s.alphabet)/2], 1) + s.suffix
}

// cardNumber returns a number of a network with the right check digit.
func (g generator) cardNumber() string {
	n := pick(g, "4", "51", "55", "2221", "6011", "3528")
	n += g.random(decimals, 15-len(n))
	if g.IntN(5) == 0 {
		n = "37" + g.random(decimals, 12)
	}
	for c := range decimals {
		if luhn(n + decimals[c:c+1]) {
			return n + decimals[c:c+1]
		}
	}
	panic("no check digit")
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		v := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			v = v*2/10 + v*2%10
		}
		sum += v
	}
	return sum%10 == 0
}

// group writes a card number in groups.
func (g generator) group(n string) string {
	sign := pick(g, "", " ", "-", "/", ".", "\u00a0", "\u200b", "  ")
	if len(n) == 15 {
		return n[:4] + sign + n[4:10] + sign + n[10:]
	}
	return n[:4] + sign + n[4:8] + sign + n[8:12] + sign + n[12:]
}

// iban returns a number with the right check digits.
func (g generator) iban() string {
	country := pick(g, "DE", "GB", "FR", "NL", "CH", "ES")
	length := map[string]int{"DE": 22, "GB": 22, "FR": 27, "NL": 18, "CH": 21, "ES": 24}[country]
	account := g.random(decimals, length-4)
	rest := 0
	for _, c := range account + country + "00" {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	n := fmt.Sprintf("%s%02d%s", country, 98-rest, account)
	if g.IntN(2) == 0 {
		return n
	}
	var b strings.Builder
	for i := range len(n) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(n[i])
	}
	return b.String()
}

// word returns a word that is no secret.
func (g generator) word() string {
	return pick(g, "blue", "shirt", "garden", "manor", "report", "large", "porcelain", "pipeline", "tutorial", "house", "market", "order",
		"review", "team", "winter", "paper", "north", "letter", "museum", "bridge", "coffee", "number", "travel", "sample", "market", "old")
}

func (g generator) slug(sign string) string {
	var w []string
	for range 4 + g.IntN(5) {
		w = append(w, g.word())
	}
	if g.IntN(2) == 0 {
		w = append(w, pick(g, "2026", "1911", "v2", "xl", "42"))
	}
	return strings.Join(w, sign)
}

// harmlessKinds make look-alikes.
var harmlessKinds = map[string]func(g generator) variant{
	"key that describes": func(g generator) variant {
		n := pick(g, "password", "token", "secret", "api_key", "credential", "cookie", "pin", "otp") + "_" +
			pick(g, "count", "type", "policy", "length", "enabled", "expires_at", "changed_at", "format", "version", "required", "status")
		return variant{key: n, value: g.word()}
	},
	"key of something else": func(g generator) variant {
		return variant{key: pick(g, "secretary", "passenger", "shippingPin", "mapPins", "pin_up", "bearer_bond", "token_economy", "compass", "japan", "libanon", "author",
			"keyboard", "dashboard", "primary_key", "country_code", "session_duration", "boarding_pass", "cardinality", "opinion", "urban"), value: g.word()}
	},
	"slug like a token": func(g generator) variant {
		return variant{key: "slug", value: pick(g, "sk-", "sk_test_", "key-", "secret_", "pk_live_", "AIza", "hf_", "xoxo-", "glpat-", "npm_", "live_", "pat-", "re_", "co_", "whsec_", "sk-proj-") +
			g.slug(pick(g, "-", "_"))}
	},
	"prose": func(g generator) variant {
		return variant{key: "message", value: pick(g, "The password was reset by the ", "Your token has expired; see the ", "Please change the password of the ", "Secret santa in the ",
			"Bearer of this ticket may enter the ", "basic understanding of the ", "Token Ring: a history of the ", "pin the note to the ", "Session: how to ", "keep the code of the ",
			"Cookie policy of the ", "use --token to open the ", "the API key of the ") + g.word() + pick(g, "", ".", " today", " by Friday", ", thanks")}
	},
	"pairs": func(g generator) variant {
		return variant{key: "note", value: pick(g, "name", "author", "status", "key", "code", "page", "owner", "token_type", "max_tokens", "country_code") + pick(g, "=", ": ", " = ") + g.word() +
			pick(g, "", "&x=1", ", b: 2", "; c")}
	},
	"status": func(g generator) variant {
		return variant{key: "note", value: pick(g, "password", "token", "secret", "API key") + ": " + pick(g, "missing", "required", "expired", "none", "not set", "invalid", "********", "[FILTERED]")}
	},
	"json": func(g generator) variant {
		return variant{key: "body", value: toJSON(map[string]any{"title": g.word(), "id": g.IntN(10000), "has_password": true, "tags": []string{g.word(), "token"}})}
	},
	"identifier": func(g generator) variant {
		return variant{key: "ref", value: pick(g, fmt.Sprintf("%s-%s-%s-%s-%s", g.random(hexa, 8), g.random(hexa, 4), g.random(hexa, 4), g.random(hexa, 4), g.random(hexa, 12)),
			g.random(hexa, 40), "sha256:"+g.random(hexa, 64), "INV-2026-"+g.random(decimals, 6), g.random(capitals, 2)+"-"+g.random(decimals, 8), "v1.2."+g.random(decimals, 2),
			g.word()+"-"+g.random(hexa, 10)+"-"+g.random(small, 5), "SK-"+g.random(decimals, 10), "W/\""+g.random(hexa, 40)+"\"")}
	},
	"number": func(g generator) variant {
		n := g.random("123456789", 1) + g.random(decimals, 11+g.IntN(7))
		for luhn(n) {
			n += "1"
		}
		return variant{key: "order", value: pick(g, "order "+n, n, "+49 30 "+g.random(decimals, 7), "2026-11-26T12:00:00."+g.random(decimals, 9)+"Z", "17"+g.random(decimals, 11), "10.0.0."+g.random("12", 2)+":8080")}
	},
	"address": func(g generator) variant {
		return variant{key: "url", value: pick(g, "https://example.com/"+g.slug("-")+"?page=2&sort=price", "/users/42/password/reset", "https://example.com/docs/api-keys#"+g.word(),
			"git@github.com:"+g.word()+"/"+g.word()+".git", "mailto:"+g.word()+"@example.com", "https://"+g.word()+"@example.com/", "/api/v1/tokens/count", "https://example.com:8443/@"+g.word())}
	},
	"statement": func(g generator) variant {
		return variant{key: "query", value: pick(g, "SELECT id FROM "+g.word()+" WHERE name = '"+g.word()+"'", "INSERT INTO t (title) VALUES ('"+g.word()+"')", "mkdir -p /srv/"+g.word(),
			"docker run -p 8080:80 "+g.word(), "git commit -m \""+g.word()+" token parser\"", "kubectl get secrets -n "+g.word())}
	},
	"public key": func(g generator) variant {
		return variant{key: "key_text", value: pick(g, "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7"+g.random(alnum, 40)+" alice@laptop",
			"-----BEGIN PUBLIC KEY-----\n"+g.random(alnum, 60)+"\n-----END PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE"+g.random(alnum, 40)+"\n-----END CERTIFICATE-----")}
	},
}

// leaks reports whether a part of four characters of the secret is in the text.
func leaks(text, secret string) bool {
	text = strings.ReplaceAll(text, masked, "\x00")
	for i := 0; i+4 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+4]) {
			return true
		}
	}
	return false
}

// TestKinds measures what is found of variants of each kind, and prints the rates.
func TestKinds(t *testing.T) {
	t.Parallel()
	const each = 300
	d, err := redact.New()
	require.NoError(t, err)
	try := func(v variant) string {
		if v.key == "" {
			v.key = "note"
		}
		r := metadataRecord(attribute.String(v.key, v.value))
		d.Redact(r)
		return r.Metadata[0].Value.AsString()
	}
	measure := func(kinds map[string]func(generator) variant, what string, isWrong func(v variant, got string) bool) (wrong, total int) {
		for name, kind := range kinds {
			g, failed := generator{rand.New(rand.NewPCG(15, uint64(len(name))))}, 0 // the same variants in every run
			for range each {
				v := kind(g)
				if got := try(v); isWrong(v, got) {
					if failed++; failed <= 3 {
						t.Logf("%s: %s: %s=%q is %q", what, name, v.key, v.value, got)
					}
				}
			}
			t.Logf("%s: %-24s %5.1f %% of %d", what, name, 100*float64(failed)/each, each)
			wrong, total = wrong+failed, total+each
		}
		return wrong, total
	}
	missed, secrets := measure(secretKinds, "missed", func(v variant, got string) bool {
		return leaks(got, v.secret) || !strings.Contains(got, v.keep)
	})
	alarms, lookalikes := measure(harmlessKinds, "false alarms", func(v variant, got string) bool { return got != v.value })
	found, wrong := 100-100*float64(missed)/float64(secrets), 100*float64(alarms)/float64(lookalikes)
	t.Logf("%.2f %% of %d secrets are masked whole, %.2f %% of %d look-alikes are changed", found, secrets, wrong, lookalikes)
	assert.GreaterOrEqual(t, found, minMasked)
	assert.LessOrEqual(t, wrong, maxAlarms)
}
