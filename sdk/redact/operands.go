package redact

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// maxArguments is how many arguments of a command are looked at, and maxArgument how long all of
// them are.
const (
	maxArguments = 24
	maxArgument  = 500
)

// arguments returns the arguments, without their quotes, of a command whose first one is at start.
func (p *prose) arguments(start int, buffer []span) []span {
	limit, i := min(len(p.text), start+maxArgument), -1
	for ; len(buffer) < maxArguments && start != i && start < limit; start = p.nextArgument(i) {
		if q, ok := openQuote(p.text, start); ok && q.start-start == 1+q.depth {
			end, _ := q.end(p.text)
			buffer, i = append(buffer, span{q.start, end}), end
			if q.depth == 0 && end < len(p.text) && p.textAt(blank.run(p.text, end+1)) != ',' {
				i = end + 1
			}
			continue
		}
		end := argumentEnd(p.text, start)
		for _, sign := range []byte("|&)") {
			if n := strings.IndexByte(p.text[start:end], sign); n >= 0 {
				end = start + n
			}
		}
		if end == start {
			break
		}
		buffer, i = append(buffer, span{start, end}), end
	}
	return buffer
}

// operands masks the arguments of the command whose name ends at i that are secrets by their place.
func (p *prose) operands(c *command, i int) {
	if len(c.operands) == 0 {
		return
	}
	var buffer [maxArguments]span
	start := p.nextArgument(i)
	if start == i {
		return
	}
	args := p.arguments(start, buffer[:0])
	for _, pattern := range c.operands {
		if found, ok := p.matchOperands(pattern, args); ok {
			p.spans = append(p.spans, found...)
		}
	}
}

// matchOperands returns the secrets among the arguments, if they match a pattern of
// operandPatterns.
func (p *prose) matchOperands(pattern []string, args []span) (found []span, ok bool) {
	for _, element := range pattern {
		var n int
		switch element {
		case "=":
			return p.assigned(args, found), true
		case "/":
			return p.slashed(args, found)
		case "$":
			n = p.operand(args, true)
		case "*", "!":
			n = p.operand(args, false)
		case "%":
			n = p.namedOperand(args)
		default:
			n = p.literal(args, element)
		}
		if n < 0 {
			return nil, false
		}
		if element == "!" || element == "$" {
			if p.isNoSecret(args[n]) {
				return nil, false
			}
			found = append(found, args[n])
		}
		args = args[n+1:]
	}
	return found, true
}

// content returns the text of an argument.
func (p *prose) content(s span) string { return p.text[s.start:s.end] }

// isNoSecret reports whether an argument in the place of a secret is none: a path of Windows, a
// setting, or what stands for another input.
func (p *prose) isNoSecret(s span) bool {
	text := p.content(s)
	if text == "" || text == "*" || strings.HasPrefix(text, `\\`) || strings.HasPrefix(text, "$") {
		return true
	}
	key, _, ok := strings.Cut(text, "=")
	return ok && word.run(key, 0) == len(key) && len(key)+3 < len(text)
}

// operand returns the number of the first or last argument that is no flag, or -1.
func (p *prose) operand(args []span, last bool) (n int) {
	n = -1
	for i, s := range args {
		if text := p.content(s); strings.HasPrefix(text, "-") && len(text) > 1 || strings.HasPrefix(text, "/") && (alpha.run(text, 1) == len(text) || strings.Contains(text, ":")) {
			continue
		}
		if n = i; !last {
			break
		}
	}
	return n
}

// namedOperand returns the number of the first argument that names a secret, or -1.
func (p *prose) namedOperand(args []span) int {
	for i, s := range args {
		if text := p.content(s); !strings.HasPrefix(text, "-") && len(text) <= maxKey && p.redactor.nameStrength(text) != secretwords.None {
			return i
		}
	}
	return -1
}

// literal returns the number of the argument that a word of a pattern stands for, or -1.
func (p *prose) literal(args []span, want string) int {
	want, isLater := strings.CutPrefix(want, "~")
	prefix, isPrefix := strings.CutSuffix(want, "*")
	isFlag := want[0] == '-'
	for i, s := range args {
		text := p.content(s)
		switch {
		case strings.EqualFold(text, want), isPrefix && hasPrefixFold(text, prefix), isFlag && hasFlag(text, want):
			return i
		case !isFlag && !isLater && !strings.HasPrefix(text, "-"):
			return -1
		}
	}
	return -1
}

// hasFlag reports whether an argument is several flags of one letter, of which one is the flag.
func hasFlag(text, flag string) bool {
	return len(flag) == 2 && len(text) > 2 && len(text) <= maxFlags && text[0] == '-' && alpha.run(text, 1) == len(text) &&
		strings.IndexByte(text, flag[1]) > 0
}

// assigned adds the values of all arguments NAME=value.
func (p *prose) assigned(args, found []span) []span {
	for _, s := range args {
		text := strings.TrimPrefix(p.content(s), "--from-literal=")
		if key, value, ok := strings.Cut(text, "="); ok && value != "" && !strings.HasPrefix(key, "-") {
			found = append(found, span{s.end - len(value), s.end})
		}
	}
	return found
}

// slashed adds the secret of the first operand name/secret, which an address may follow.
func (p *prose) slashed(args, found []span) ([]span, bool) {
	for _, s := range args {
		text := p.content(s)
		n := strings.IndexByte(text, '/')
		if n <= 0 || strings.HasPrefix(text, "-") || strings.Contains(text[:n], "=") {
			continue
		}
		end := s.end
		if sign := strings.LastIndexByte(text, '@'); sign > n {
			end = s.start + sign
		}
		return append(found, span{s.start + n + 1, end}), end > s.start+n+1
	}
	return nil, false
}

// readers are the commands that read a secret from their standard input, each with a flag that
// makes it do so, if it needs one.
var readers = []struct{ name, flag string }{
	{"sudo", "-S"},
	{"sudo", "--stdin"},
	{"su", ""},
	{"chpasswd", ""},
	{"passwd", "--stdin"},
	{"cryptsetup", ""},
	{"kinit", ""},
	{"gpg", "--passphrase-fd"},
	{"gpg2", "--passphrase-fd"},
	{"gcloud", "--data-file=-"},
	{"vault", "-"},
	{"", "--password-stdin"},
	{"", "--token-stdin"},
	{"", "--with-token"},
	{"", "--passphrase-stdin"},
	{"", "--secret-stdin"},
}

// reads reports whether the command at start reads a secret.
func (p *prose) reads(start int) bool {
	var buffer [maxArguments]span
	args := p.arguments(start, buffer[:0])
	for _, r := range readers {
		at := 0
		if r.name != "" {
			at = p.literal(args, "~"+r.name)
		}
		if at >= 0 && (r.flag == "" && at < 2 || r.flag != "" && p.literal(args[at:], r.flag) >= 0) {
			return true
		}
	}
	return false
}

// echoed masks what the command whose name ends at i writes, if another one reads it as a secret:
// echo x | sudo -S.
func (p *prose) echoed(i int) {
	start := p.nextArgument(i)
	if start == i {
		return
	}
	var buffer [maxArguments]span
	args := p.arguments(start, buffer[:0])
	for len(args) > 0 && len(p.content(args[0])) <= 3 && strings.HasPrefix(p.content(args[0]), "-") {
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	first, last := args[0].start, args[len(args)-1].end
	pipe := last
	for pipe < len(p.text) && strings.IndexByte("\"'` ", p.text[pipe]) >= 0 {
		pipe++
	}
	if p.textAt(pipe) != '|' || !p.reads(blank.run(p.text, pipe+1)) {
		return
	}
	if name, secret, ok := strings.Cut(p.text[first:last], ":"); ok && secret != "" && len(args) == 1 && word.run(name, 0) == len(name) {
		first += len(name) + 1
	}
	p.spans = append(p.spans, span{first, last})
}

// hereStep makes signs that are near each other look at the same command, so that it is read once.
const hereStep = 128

// readsNear is reads for a command of which only what is near its start counts.
func (p *prose) readsNear(start int) bool {
	if p.hereStart != start || p.here == nil {
		near := prose{redactor: p.redactor, text: p.text[:min(len(p.text), start+2*maxArgument)]}
		ok := near.reads(start)
		p.hereStart, p.here = start, &ok
	}
	return *p.here
}

// hereString masks the text after the signs <<< at i, if the command before them reads a secret.
func (p *prose) hereString(i int) (next int) {
	next = i + len("<<<")
	for next < len(p.text) && p.text[next] == '<' { // no shell has more of them
		next++
	}
	before := max(0, i-maxArgument)
	before -= before % hereStep
	start := before + strings.LastIndexByte(p.text[before:i], '\n') + 1
	if start = blank.run(p.text, start); start < i && p.readsNear(start) {
		return max(next, p.argument(blank.run(p.text, next), true))
	}
	return next
}

// arguments masks the secrets of the arguments of a command, of which the first may be its name, as
// they would be in a text: ["mysql", "-px"]. It returns nil if there are none.
func (d *Redactor) arguments(texts []string) (clean []string) {
	if !slices.ContainsFunc(texts, isCommand) {
		return nil
	}
	var list strings.Builder
	starts := make([]int, len(texts))
	for i, text := range texts {
		quote := `"`
		if strings.Contains(text, quote) {
			quote = "`"
		}
		list.WriteString(quote)
		starts[i] = list.Len()
		list.WriteString(text)
		list.WriteString(quote + ",")
	}
	spans := d.findProse(list.String(), nil)
	if len(spans) == 0 {
		return nil
	}
	spans = merge(spans)
	clean = slices.Clone(texts)
	for i, text := range texts {
		for len(spans) > 0 && spans[0].end <= starts[i] {
			spans = spans[1:]
		}
		var inside []span
		for _, s := range spans {
			s.start, s.end = max(0, s.start-starts[i]), min(len(text), s.end-starts[i])
			if s.start >= s.end {
				break // it is in a later text
			}
			if !strings.Contains(text, " ") {
				s.end = len(text) // a sign in the secret may have ended it
			}
			inside = append(inside, s)
		}
		if inside != nil {
			clean[i] = d.config.strategy.replace(text, inside)
			clean[i], _ = d.clean(clean[i], true)
		}
	}
	return clean
}

// merge returns spans in order, of which no two touch each other. It changes spans.
func merge(spans []span) (merged []span) {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	merged = spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s.start <= merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// maxCommand is more than the length of any name in commands. What is longer is not converted to
// lower case, which may copy it.
const maxCommand = 40

// isCommand reports whether a text is the name of a command, or the path of one.
func isCommand(text string) bool {
	name := text[strings.LastIndexAny(text, `/\`)+1:]
	return len(name) <= maxCommand && commands[strings.TrimSuffix(strings.ToLower(name), ".exe")] != nil
}
