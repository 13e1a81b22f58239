package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// flagKind says where the secret of a flag is.
type flagKind uint8

const (
	flagValue  flagKind = iota // the next argument, or joined to the flag: -p x, -px
	flagJoined                 // joined to the flag: -px
	flagNext                   // the next argument: -pw x
	flagLogin                  // after the name in name:secret
)

// flag is a flag of a command that has a secret.
type flag struct {
	name string
	kind flagKind
}

// command says which arguments of a command are secrets.
type command struct {
	flags    []flag
	operands [][]string
}

// commandFlags are the flags of commands that have a secret. A star after a flag says that the
// secret is joined to it, an underscore that it is the next argument, and a colon that a name
// precedes it.
var commandFlags = []struct{ commands, flags string }{
	{"mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlsh mysqlbinlog mysqlslap mysqlshow mysqlpump", "-p*"},
	{"mariadb mariadb-dump mariadb-admin mariadb-check mariadb-import mariadb-show 7z 7za 7zz 7zr", "-p*"},
	{"rar unrar", "-p* -hp*"},
	{"sshpass mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat login psexec cqlsh mycli pgcli", "-p"},
	{"useradd usermod steghide certutil unlock-keychain", "-p"},
	{"unzip zip sqlcmd bcp isql ipmitool mosquitto_pub mosquitto_sub", "-P"},
	{"redis-cli", "-a"},
	{"ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapcompare ldapmodrdn", "-w"},
	{"ldappasswd", "-w -s -a"},
	{"add-generic-password add-internet-password", "-w"},
	{"plink pscp putty psftp", "-pw_"},
	{"ssh-keygen", "-N -P"},
	{"snmpwalk snmpget snmpset snmpgetnext snmpbulkwalk snmpbulkget snmptrap", "-A -X -c"},
	{"openssl", "-k_ -K_ -hmac_"},
	{"sendemail", "-xp_"},
	{"pdftotext", "-upw_ -opw_"},
	{"curl", "-u: -U: -E: --cert: --user: --proxy-user:"},
	{"http https xh", "-a: --auth:"},
	{"lftp", "-u:"},
	{"smbclient rpcclient", "-U:"},
	{"ab", "-A:"},
	{"xfreerdp wfreerdp signtool", "/p"},
	{"schtasks", "/rp"},
}

// operandPatterns are the arguments of commands that are secrets by their place. A word must be the
// next operand, after a tilde any later one; its end may be a star. A flag is looked for among all
// later arguments; one of a letter also among letters that are written as one. Then * stands for an
// operand, % for a later one that names a secret, ! for the secret, $ for the last operand, which is
// one, / for name/secret, and = for all arguments NAME=secret.
var operandPatterns = strings.Split(`net user * $
net use * $
htpasswd -b * $
mosquitto_passwd -b * * !
openssl passwd $
mysqladmin ~password !
redis-cli ~auth $
sqlplus /
expdp /
impdp /
sqlldr /
rman /
isql * * !
db2 ~using !
qpdf --encrypt ! !
wpa_passphrase * !
rclone obscure !
vault login !
vault operator unseal !
vault kv put * =
cargo login !
ngrok authtoken !
ngrok config add-authtoken !
rabbitmqctl add_user * !
rabbitmqctl change_password * !
bw login * !
bw unlock !
grafana-cli admin reset-admin-password !
drush user:password * !
doctl auth init -t !
nuget push -k !
security import -P !
gh secret set --body !
gh secret set -b !
az keyvault secret set --value !
aws ~securestring --value !
aws --value ! ~securestring
pulumi config set --secret * !
pulumi config set * ! --secret
kubectl create secret =
heroku config:set =
flyctl secrets set =
fly secrets set =
poetry config http-basic.* * !
poetry config pypi-token.* !
composer config http-basic.* * !
convertto-securestring !
snmp-server community !
isakmp key !
tacacs-server key !
radius-server key !
neighbor * password !
ospf authentication-key !
machine * login * password !
git config % !
npm config set % !
pnpm config set % !
yarn config set % !
pulumi config set % !
gcloud config set % !
aws configure set % !
rclone config % !
dotnet user-secrets set % !
nmcli % !
wg set % !
pdftk % !
setx % !
setenv % !
set -x % !`, "\n")

// commands has the commands by name, in lower case.
var commands = func() map[string]*command {
	all := map[string]*command{}
	named := func(name string) *command {
		if all[name] == nil {
			all[name] = &command{}
		}
		return all[name]
	}
	for _, list := range commandFlags {
		for name := range strings.FieldsSeq(list.commands) {
			c := named(name)
			for f := range strings.FieldsSeq(list.flags) {
				c.flags = append(c.flags, newFlag(f))
			}
		}
	}
	for _, pattern := range operandPatterns {
		words := strings.Fields(pattern)
		c := named(words[0])
		c.operands = append(c.operands, words[1:])
	}
	return all
}()

// newFlag returns the flag that a text of commandFlags stands for.
func newFlag(text string) flag {
	switch n := len(text) - 1; text[n] {
	case '*':
		return flag{text[:n], flagJoined}
	case '_':
		return flag{text[:n], flagNext}
	case ':':
		return flag{text[:n], flagLogin}
	}
	return flag{text, flagValue}
}

// isFlagSecret reports whether a flag names a secret that no other key would.
func isFlagSecret(name string) bool {
	switch name {
	case "passin", "passout", "auth", "psk":
		return true
	}
	return false
}

// argument masks the argument at i: in quotes, or a word that looks like a secret, or any
// word if sure.
func (p *prose) argument(i int, sure bool) (next int) {
	text := p.text
	if q, ok := openQuote(text, i); ok {
		end, next := q.end(text)
		if end > q.start && !isStatus(text[q.start:end]) {
			p.spans = append(p.spans, span{q.start, end})
		}
		return next
	}
	end := argumentEnd(text, i)
	if end > i && (sure || isRandom(text[i:end])) {
		p.spans = append(p.spans, span{i, end})
		return end
	}
	return i
}

// argumentEnd returns the end of the argument without quotes that begins at i. A blank after a
// backslash belongs to it.
func argumentEnd(text string, i int) (end int) {
	for end = i; end < len(text) && strings.IndexByte(";\"'", text[end]) < 0; end++ {
		if space.has(text[end]) && (end == i || text[end-1] != '\\' || !blank.has(text[end])) {
			break
		}
	}
	return end
}

// flag handles a flag of a command, which begins at i.
func (p *prose) flag(i int) (next int) {
	end := word.run(p.text, i)
	name := p.text[i:end]
	if next, ok := p.commandFlag(i, name); ok {
		return next
	}
	bare := strings.TrimLeft(name, "-")
	if name == "-p" && p.login {
		return p.loginSecret(end)
	}
	if isLoginFlag(bare) {
		p.login = at(p.text, end, equals|blank) && !at(p.text, blank.run(p.text, end), hyphen)
	}
	if name == "--user" || name == "--proxy-user" {
		if start, joined := p.flagValue(end); joined || start > end {
			return max(end, p.loginValue(start))
		}
	}
	if bare == "" || at(p.text, end, equals) || p.redactor.nameStrength(bare) == secretwords.None && !isFlagSecret(bare) {
		return end
	}
	after := p.nextArgument(end)
	if after == end || p.text[after] == '-' {
		return end
	}
	stop := alpha.run(p.text, after)
	if at(p.text, stop, space) && proseWords[p.text[after:stop]] {
		return end
	}
	return p.argument(after, true)
}

// isLoginFlag reports whether a flag has the name of a user, so that -p has the password.
func isLoginFlag(name string) bool {
	switch name {
	case "u", "U", "l", "n", "user", "username":
		return true
	}
	return false
}

// loginSecret masks the value of -p, after the name of a user, unless it is a number such as a
// port, or a path.
func (p *prose) loginSecret(end int) (next int) {
	start := p.nextArgument(end)
	if start == end || strings.IndexByte("-/.~$", p.text[start]) >= 0 ||
		strings.Trim(p.text[start:argumentEnd(p.text, start)], "0123456789:,./") == "" {
		return end
	}
	return p.argument(start, true)
}

// commandFlag handles a flag at i that has a secret with some commands only.
func (p *prose) commandFlag(i int, name string) (next int, ok bool) {
	if p.command == nil {
		return i, false
	}
	for _, f := range p.command.flags {
		after, match := f.match(name)
		if !match {
			continue
		}
		end := i + len(name)
		start, joined := i+after, true
		if start == end {
			start, joined = p.flagValue(end)
		}
		switch {
		case start == end && !joined, f.kind == flagJoined && !joined:
			return end, true
		case f.kind == flagLogin:
			return p.loginValue(start), true
		case !joined && p.text[start] == '-':
			return end, true
		}
		return p.argument(start, true), true
	}
	return i, false
}

// flagValue returns where the value of a flag begins that ends at i, and whether it is joined to
// it, or i without one.
func (p *prose) flagValue(i int) (start int, joined bool) {
	switch c := p.textAt(i); {
	case c == 0, space.has(c), strings.IndexByte(",;|)]}", c) >= 0:
	case strings.IndexByte("\"'`\\", c) >= 0:
		if after := p.textAt(i + 1); after != 0 && !space.has(after) && strings.IndexByte(",;|)]}\"'", after) < 0 {
			return i, true
		}
	case c == '=' || c == ':':
		return i + 1, true
	default:
		return i, true
	}
	return p.nextArgument(i), false
}

// nextArgument returns where the argument begins that follows the one that ends at i, of a command
// or of a list, or i without one.
func (p *prose) nextArgument(i int) (start int) {
	text, quote := p.text, i
	for quote < len(text) && text[quote] == '\\' {
		quote++
	}
	start = i
	if quote < len(text) && strings.IndexByte("\"'`", text[quote]) >= 0 { // of a list
		start = quote + 1
		if after := space.run(text, start); after < len(text) && text[after] == ',' {
			if after = space.run(text, after+1); after < len(text) && strings.IndexByte("\"'`\\", text[after]) >= 0 {
				return after
			}
			return i
		}
	}
	after := blank.run(text, start)
	switch {
	case at(text, after, newline): // of a list in YAML
		if after = space.run(text, after); strings.HasPrefix(text[after:], "- ") {
			return p.orNone(i, blank.run(text, after+1))
		}
		return i
	case start > i, after == i:
		return i
	case p.textAt(after) == '\\' && at(text, after+1, newline): // on the next line
		after = space.run(text, after+1)
	}
	return p.orNone(i, after)
}

// orNone returns where an argument begins, or i if no argument does there.
func (p *prose) orNone(i, start int) int {
	if start >= len(p.text) || strings.IndexByte("\n|;&)]}>#", p.text[start]) >= 0 {
		return i
	}
	return start
}

// match reports whether an argument is the flag, or begins with it, and where the flag ends. Of
// flags of one letter that are written as one, the last may be the flag.
func (f flag) match(name string) (after int, ok bool) {
	if strings.HasPrefix(name, f.name) {
		return len(f.name), f.kind != flagNext && len(f.name) <= 3 || name == f.name
	}
	if len(f.name) != 2 || f.kind == flagJoined || f.kind == flagNext || strings.HasPrefix(name, "--") || len(name) < 3 {
		return 0, false
	}
	if name[len(name)-1] == f.name[1] && len(name) <= maxFlags {
		return len(name), true
	}
	if n := strings.IndexByte(name[:min(len(name), maxFlags)], f.name[1]); f.kind == flagLogin && n > 0 {
		return n + 1, true
	}
	return 0, false
}

// maxFlags is how many bytes flags of one letter have that are written as one.
const maxFlags = 5

// loginValue masks the secret in name:secret, which begins at i.
func (p *prose) loginValue(i int) (next int) {
	start, end := i, i
	for end < len(p.text) && !space.has(p.text[end]) {
		end++
	}
	if q, ok := openQuote(p.text, start); ok && q.start-start == 1+q.depth {
		start = q.start
		if end, next = q.end(p.text); p.textAt(next) == ':' { // "name":"secret"
			return p.argument(next+1, true)
		}
	} else if n := strings.IndexAny(p.text[start:end], `"'`); n > 0 && p.text[start+n-1] != ':' {
		end = start + n // the end of an enclosing text
	}
	login := p.text[start:end]
	n := strings.IndexAny(login, ":%,")
	if n == 1 && len(login) > 2 && strings.IndexByte(`/\`, login[2]) >= 0 {
		n = -1 // a drive
	}
	switch {
	case n >= 0 && start+n+1 < end:
		p.spans = append(p.spans, span{start + n + 1, end})
	case n < 0 && isRandom(login) && !strings.Contains(login, "."):
		p.spans = append(p.spans, span{start, end}) // a token
	}
	return end
}
