package redact

import "strings"

// findURLs appends the spans of secrets in URLs: the userinfo, and the whole of a URL that
// is one, because who knows it may post.
func findURLs(text string, spans []span) []span {
	for i := 0; ; {
		n := strings.Index(text[i:], "://")
		if n < 0 {
			return findLogins(text, spans)
		}
		scheme := (token | plus).back(text, i+n, i)
		start := i + n + len("://")
		end := urlEnd(text, start)
		if isWebhook(text[start:end]) {
			spans = append(spans, span{scheme, end})
		} else if s, ok := userinfo(text[scheme:i+n], text[start:end]); ok {
			spans = append(spans, span{start + s.start, start + s.end})
		} else if colon, sign := blankPassword(text[start:min(lineEnd(text[:min(len(text), start+maxUserinfo)], start), len(text))], end-start); sign > 0 {
			spans = append(spans, span{start + colon + 1, start + sign})
			end = start + sign
		}
		i = end
	}
}

// urlEnd returns the end of the URL whose part after the scheme begins at i.
func urlEnd(text string, i int) int {
	for i < len(text) && !space.has(text[i]) && strings.IndexByte("\"'<>`", text[i]) < 0 {
		i++
	}
	return i
}

// maxUserinfo is how far the at sign of a URL may be whose password has blanks.
const maxUserinfo = 120

// blankPassword returns the colon and the at sign around a password with blanks, in a line
// that begins with the rest of a URL, of which end bytes have none.
func blankPassword(line string, end int) (colon, sign int) {
	colon = strings.IndexAny(line[:min(end, len(line))], ":/?#")
	if colon <= 0 || line[colon] != ':' || !at(line, colon+1, ^(digits|slash)) || end >= len(line) || line[end] != ' ' {
		return 0, 0
	}
	if sign = strings.IndexByte(line[colon:], '@'); sign < 0 {
		return 0, 0
	}
	return colon, colon + sign
}

// userinfo returns the span of the secret in the userinfo of a URL, given what follows its
// scheme: the password, or a name without one that looks like a token. A password may
// contain the signs that end the userinfo elsewhere.
func userinfo(scheme, rest string) (s span, ok bool) {
	authority := len(rest)
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		authority = n
	}
	web := scheme == "http" || scheme == "https"
	if !strings.Contains(rest, "@") { // cut off in the password
		if n := strings.IndexByte(rest[:authority], ':'); n > 0 && authority == len(rest) && isRandom(rest[n+1:]) {
			return span{n + 1, len(rest)}, true
		}
	}
	host := strings.LastIndexByte(rest[:authority], '@')
	colon := strings.IndexByte(rest[:authority], ':')
	switch {
	case host < 0 && (colon < 0 || digits.run(rest[:authority], colon+1) == authority && web):
		return s, false // host:port
	case host < 0 || colon >= 0 && !web:
		// The last at sign counts, unless it is in the query of a URL that has a userinfo.
		area := len(rest)
		if n := strings.IndexByte(rest, '?'); n >= 0 && host >= 0 {
			area = max(n, authority)
		}
		host = strings.LastIndexByte(rest[:area], '@')
	}
	switch {
	case host < 0:
		return s, false
	case colon >= 0 && colon < host:
		return span{colon + 1, host}, colon+1 < host
	case web && host >= 8:
		return span{0, host}, isRandom(rest[:host])
	default:
		return span{0, host}, host >= 16 && isRandom(rest[:host])
	}
}

// webhooks are URLs whose paths are secrets: the end of a host and the start of a path.
var webhooks = []struct{ host, path string }{
	{"hooks.slack.com", "/"},
	{"discord.com", "/api/webhooks/"},
	{"discordapp.com", "/api/webhooks/"},
	{"webhook.office.com", "/"},
	{"outlook.office.com", "/webhook/"},
	{"outlook.office365.com", "/webhook/"},
	{"logic.azure.com", "/workflows/"},
	{"hooks.zapier.com", "/hooks/"},
	{"maker.ifttt.com", "/trigger/"},
	{"api.telegram.org", "/bot"},
	{"chat.googleapis.com", "/v1/spaces/"},
	{"hook.integromat.com", "/"},
	{"hook.eu1.make.com", "/"},
	{"hook.eu2.make.com", "/"},
	{"hook.us1.make.com", "/"},
	{"hook.us2.make.com", "/"},
	{"webhook.site", "/"},
	{"open.feishu.cn", "/open-apis/bot/"},
	{"open.larksuite.com", "/open-apis/bot/"},
	{"oapi.dingtalk.com", "/robot/"},
	{"qyapi.weixin.qq.com", "/cgi-bin/webhook/"},
	{"hooks.glip.com", "/webhook/"},
	{"events.pagerduty.com", "/integration/"},
	{"alert.victorops.com", "/integrations/"},
	{"hc-ping.com", "/"},
	{"m.pipedream.net", "/"},
	{"api.flock.com", "/hooks/"},
	{"hooks.airtable.com", "/workflows/"},
	{"cliq.zoho.com", "/api/"},
	{"webexapis.com", "/v1/webhooks/incoming/"},
}

// isWebhook reports whether a URL, without its scheme, is that of a webhook.
func isWebhook(rest string) bool {
	n := strings.IndexByte(rest, '/')
	if n < 0 {
		return false
	}
	host, path := rest[:n], rest[n:]
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	for _, w := range webhooks {
		if len(path) > len(w.path)+4 && hasSuffixFold(host, w.host) && strings.HasPrefix(path, w.path) && isDomainEnd(host, w.host) {
			return true
		}
	}
	// The paths of chat servers that people run themselves: /hooks/ and a random name.
	if _, name, ok := strings.Cut(path, "/hooks/"); ok {
		name, _, _ = strings.Cut(name, "?")
		return len(name) >= 20 && isRandom(name)
	}
	return false
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

func isDomainEnd(host, domain string) bool {
	return len(host) == len(domain) || host[len(host)-len(domain)-1] == '.'
}

// labels before a colon and an address are no names of users: mailto:alice@example.com.
var labels = map[string]bool{
	"mailto": true, "email": true, "mail": true, "e-mail": true, "from": true, "to": true, "cc": true, "bcc": true, "user": true,
	"contact": true, "sip": true, "sips": true, "acct": true, "xmpp": true, "author": true, "owner": true, "by": true, "name": true,
	"skype": true, "address": true, "sender": true, "recipient": true, "reply-to": true, "maintainer": true, "upn": true, "login": true,
}

// findLogins appends the spans of passwords before an address without a scheme:
// bob:x@tcp(db:3306), bob:x@db:5432/orders.
func findLogins(text string, spans []span) []span {
	for i := 0; ; {
		n := strings.IndexByte(text[i:], '@')
		if n < 0 {
			return spans
		}
		sign := i + n
		limit := max(i, sign-256)
		start := sign
		for start > limit && !space.has(text[start-1]) && strings.IndexByte("\"'<>`", text[start-1]) < 0 {
			start--
		}
		i = sign + 1
		if s, ok := afterAddress(text, i); ok {
			spans = append(spans, s)
		}
		login := text[start:sign]
		if strings.HasPrefix(login, "//") {
			login, start = login[2:], start+2
		}
		colon := strings.IndexByte(login, ':')
		if colon <= 0 || colon+1 == len(login) || word.back(login, colon, 0) != 0 || strings.HasPrefix(login[colon:], "://") ||
			labels[strings.ToLower(login[:colon])] {
			continue
		}
		if isServer(text[sign+1:min(len(text), sign+256)]) || isRandom(login[colon+1:]) && at(text, sign+1, alnum) {
			spans = append(spans, span{start + colon + 1, sign})
		}
	}
}

// afterAddress returns the span of the password after an address, whose domain begins at i, in a list
// of accounts: bob@example.com:x.
func afterAddress(text string, i int) (s span, ok bool) {
	end := token.run(text, i)
	if end == len(text) || text[end] != ':' || strings.IndexByte(text[i:end], '.') < 0 {
		return s, false
	}
	stop := end + 1
	for ; stop < len(text) && !space.has(text[stop]) && strings.IndexByte("\"'<>`,;", text[stop]) < 0; stop++ {
		if strings.IndexByte("/.:@", text[stop]) >= 0 {
			return s, false // before the end is looked for, which may be far
		}
	}
	secret := text[end+1 : stop]
	return span{end + 1, stop}, isRandom(secret) && isMixed(secret)
}

// isServer reports whether a text begins with the address of a server: with a protocol and
// parentheses, a port or a path.
func isServer(text string) bool {
	n := token.run(text, 0)
	if n == len(text) {
		return false
	}
	switch text[n] {
	case '(':
		return true
	case ':':
		return n > 0 && digits.run(text, n+1) > n+1
	case '/':
		return true
	}
	return false
}
