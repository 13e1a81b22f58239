package redact

import "strings"

// minBlock is the length of the shortest text with a block.
const minBlock = 40

// findBlocks appends the spans of private keys in PEM form (RFC 7468), of OpenPGP, SSH and
// PuTTY. If the end of a key is missing, its span extends to the end of the text; if its
// start is, to the start of its lines.
func findBlocks(text string, spans []span) []span {
	if !strings.Contains(text, "----") {
		return spans
	}
	for i := 0; i < len(text); {
		n := strings.IndexByte(text[i:], '-')
		if n < 0 {
			return spans
		}
		i += n
		dashes := hyphen.run(text, i)
		if dashes-i < 4 {
			i = dashes
			continue
		}
		start := i
		i = dashes
		label := blank.run(text, dashes)
		body, ok := privateLabel(text, label)
		switch {
		case ok && hasPrefixFold(text[label:], "begin"):
			i = blockEnd(text, body)
			spans = append(spans, span{start, i})
		case ok && hasPrefixFold(text[label:], "end"):
			spans = append(spans, span{bodyStart(text, start), body})
			i = body
		}
	}
	return spans
}

// maxLabel is the length of the longest label of a key.
const maxLabel = 80

// privateLabel reports whether the label at i is that of a private key, and where it ends,
// with the hyphens after it.
func privateLabel(text string, i int) (end int, ok bool) {
	label := text[i:min(len(text), i+maxLabel)]
	if n := strings.IndexAny(label, "-\n\\"); n >= 0 {
		label = label[:n]
	}
	end = hyphen.run(text, i+len(label))
	return end, containsFold(label, "private key") || containsFold(label, "private-key")
}

// blockEnd returns the end of the key whose body begins at i: after the line of its end.
func blockEnd(text string, i int) int {
	for at := i; at < len(text); {
		n := strings.IndexByte(text[at:], '-')
		if n < 0 {
			break
		}
		at += n
		dashes := hyphen.run(text, at)
		if dashes-at >= 4 && hasPrefixFold(text[blank.run(text, dashes):], "end") {
			rest := text[dashes:min(len(text), dashes+maxLabel)]
			if n := strings.Index(rest, "----"); n >= 0 {
				return hyphen.run(text, dashes+n)
			}
			return len(text)
		}
		at = dashes
	}
	return len(text)
}

// bodyStart returns the start of the lines of Base64 before i.
func bodyStart(text string, i int) int {
	for i > 0 {
		c := text[i-1]
		escape := c == '\\' || c == 'n' && i > 1 && text[i-2] == '\\'
		if !(base64Chars | newline).has(c) && !escape {
			break
		}
		i--
	}
	return i
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// containsFold reports whether s, which is short, contains the text in any case.
func containsFold(s, text string) bool {
	for i := 0; i+len(text) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(text)], text) {
			return true
		}
	}
	return false
}

// puttyKey begins a key of PuTTY, and puttyPart its secret part.
const (
	puttyKey  = "PuTTY-User-Key-File-"
	puttyPart = "Private-Lines:"
)

// findPuTTY appends the span of the private part of a key of PuTTY.
func findPuTTY(text string, spans []span) []span {
	if len(text) < 2*len(puttyKey) {
		return spans
	}
	n := strings.Index(text, puttyKey)
	if n < 0 {
		return spans
	}
	if m := strings.Index(text[n:], puttyPart); m >= 0 {
		spans = append(spans, span{n + m + len(puttyPart), len(text)})
	}
	return spans
}

// minKeyBody is the length of the shortest body of a key.
const minKeyBody = 40

// keyBodyEnd returns the end of the body of a private key, without its first line, that
// begins at i, or 0. It is the Base64 of its DER (a sequence that begins with the version 0
// or 1), of the name of OpenSSH's format, or of its PEM form.
func keyBodyEnd(text string, i int) (end int) {
	if len(text)-i < minKeyBody || !isKeyBody(decodeBase64(text[i:i+minKeyBody])) {
		return 0
	}
	first := base64Chars.run(text, i)
	if first-i < minKeyBody {
		return 0
	}
	for end = first; end < len(text); {
		next := end
		for next < len(text) && (space.has(text[next]) || text[next] == '\\') {
			next++
		}
		if next > end && next < len(text) && (text[next] == 'n' || text[next] == 'r') && text[next-1] == '\\' {
			next++
		}
		stop := base64Chars.run(text, next)
		if stop == next || next == end || stop-next < minKeyBody/2 && !at(text, stop-1, equals) && stop < len(text) {
			break
		}
		end = stop
	}
	return end
}

// isKeyBody reports whether the bytes begin a private key.
func isKeyBody(der string) bool {
	if strings.HasPrefix(der, "openssh-key") {
		return true
	}
	if strings.HasPrefix(der, "-----BEGIN") {
		return containsFold(der, "private key")
	}
	if len(der) < 8 || der[0] != 0x30 {
		return false
	}
	version := 2
	if der[1] >= 0x80 { // the length takes more bytes
		version += int(der[1] & 0x7F)
	}
	if version+3 > len(der) || der[version] != 2 || der[version+1] != 1 || der[version+2] > 3 {
		return false
	}
	return true
}
