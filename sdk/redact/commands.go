package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// command says which flags of a command have a secret.
type command struct {
	flag   string // separate or joined: -p x, -px
	joined bool   // only joined
	login  string // a flag whose value is name:secret
}

var commands = map[string]*command{
	"mysql": {flag: "-p", joined: true}, "mysqldump": {flag: "-p", joined: true}, "mysqladmin": {flag: "-p", joined: true},
	"mysqlimport": {flag: "-p", joined: true}, "mysqlcheck": {flag: "-p", joined: true}, "mysqlsh": {flag: "-p", joined: true},
	"mariadb": {flag: "-p", joined: true}, "mariadb-dump": {flag: "-p", joined: true}, "mariadb-admin": {flag: "-p", joined: true},
	"7z": {flag: "-p", joined: true}, "7za": {flag: "-p", joined: true}, "rar": {flag: "-p", joined: true}, "unrar": {flag: "-p", joined: true},
	"sshpass": {flag: "-p"}, "mongo": {flag: "-p"}, "mongosh": {flag: "-p"}, "mongodump": {flag: "-p"}, "mongorestore": {flag: "-p"},
	"mongoexport": {flag: "-p"}, "mongoimport": {flag: "-p"}, "login": {flag: "-p"}, "psexec": {flag: "-p"}, "cqlsh": {flag: "-p"},
	"unzip": {flag: "-P"}, "zip": {flag: "-P"}, "sqlcmd": {flag: "-P"}, "bcp": {flag: "-P"}, "isql": {flag: "-P"}, "ipmitool": {flag: "-P"},
	"redis-cli":  {flag: "-a"},
	"ldapsearch": {flag: "-w"}, "ldapadd": {flag: "-w"}, "ldapmodify": {flag: "-w"}, "ldapdelete": {flag: "-w"}, "ldappasswd": {flag: "-w"},
	"plink": {flag: "-pw"}, "pscp": {flag: "-pw"}, "putty": {flag: "-pw"}, "psftp": {flag: "-pw"},
	"curl": {login: "-u"}, "http": {login: "-a"}, "https": {login: "-a"}, "lftp": {login: "-u"}, "smbclient": {login: "-U"}, "wget": {login: "-U"},
}

// maxColumns is the length of the longest list of columns that is read.
const maxColumns = 1000

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
	end := i
	for end < len(text) && !space.has(text[end]) && strings.IndexByte(";\"'", text[end]) < 0 {
		end++
	}
	if end > i && (sure || isRandom(text[i:end])) {
		p.spans = append(p.spans, span{i, end})
		return end
	}
	return i
}

// inserted returns the end of the values after the word VALUES at i, if the columns before
// it name a secret. Which value belongs to which column is not worth the risk.
func (p *prose) inserted(i int) (end int) {
	closing := space.back(p.text, i, max(0, i-maxKey)) - 1
	if closing < 0 || p.text[closing] != ')' {
		return 0
	}
	opening := strings.LastIndexByte(p.text[max(0, closing-maxColumns):closing], '(')
	if opening < 0 {
		return 0
	}
	columns := p.text[max(0, closing-maxColumns)+opening+1 : closing]
	for column := range strings.SplitSeq(columns, ",") {
		if p.redactor.nameStrength(strings.Trim(column, " \t\n\r`\"[]")) != secretwords.None {
			return len(p.text)
		}
	}
	return 0
}

// flag handles a flag of a command, which begins at i.
func (p *prose) flag(i int) (next int) {
	end := word.run(p.text, i)
	name := p.text[i:end]
	if next, ok := p.commandFlag(i, name); ok {
		return next
	}
	if name == "--user" || name == "--proxy-user" {
		return p.login(end)
	}
	bare := strings.TrimLeft(name, "-")
	if bare == "" || at(p.text, end, equals) || p.redactor.nameStrength(bare) == secretwords.None && !isFlagSecret(bare) {
		return end
	}
	after := blank.run(p.text, end)
	if next := space.run(p.text, after+1); p.textAt(after) == '\\' && next > after+1 {
		after = next // the command continues on the next line
	}
	if after == end || p.textAt(after) == '-' {
		return end
	}
	stop := alpha.run(p.text, after)
	if at(p.text, stop, space) && proseWords[p.text[after:stop]] {
		return end
	}
	return p.argument(after, true)
}

// commandFlag handles a flag of one letter at i, which has a secret with some commands.
func (p *prose) commandFlag(i int, name string) (next int, ok bool) {
	c := p.command
	if c == nil || strings.HasPrefix(name, "--") {
		return i, false
	}
	if c.login != "" && strings.HasPrefix(name, c.login) {
		return p.login(i + len(c.login)), true
	}
	if c.flag == "" || !strings.HasPrefix(name, c.flag) {
		return i, false
	}
	start := i + len(c.flag)
	if at(p.text, start, blank) && !c.joined {
		start = blank.run(p.text, start)
		return p.argument(start, p.textAt(start) != '-'), true
	}
	if at(p.text, start, space) {
		return i, false
	}
	return p.argument(start, true), true
}

// login masks the secret in name:secret, the value of a flag that ends at i.
func (p *prose) login(i int) (next int) {
	start := i
	for at(p.text, start, blank|equals) {
		start++
	}
	end := start
	for end < len(p.text) && !space.has(p.text[end]) {
		end++
	}
	if q, ok := openQuote(p.text, start); ok {
		end, _ = q.end(p.text)
	}
	if n := strings.IndexAny(p.text[start:end], ":%,"); n >= 0 {
		p.spans = append(p.spans, span{start + n + 1, end})
	}
	return max(end, i)
}
