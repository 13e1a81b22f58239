package config

import "strings"

// expansion is the result of expanding ${VAR} in a text.
type expansion struct {
	text   string
	values []string // of the variables
	faults []string
}

// expand replaces ${VAR} by the value of a variable, ${VAR:-default} by the default if VAR is
// unset or empty, and $$ by $. A $ that is not followed by a letter, _, { or $ is kept, as
// at the end of a regular expression.
func expand(text string, lookup func(string) (string, bool)) expansion {
	var x expansion
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			break
		}
		text = x.expandNext(&out, rest, lookup)
	}
	x.text = out.String()
	return x
}

// expandNext expands the text after a $, and returns the rest.
func (x *expansion) expandNext(out *strings.Builder, rest string, lookup func(string) (string, bool)) string {
	switch {
	case strings.HasPrefix(rest, "$"):
		out.WriteByte('$')
		return rest[1:]
	case strings.HasPrefix(rest, "{"):
		inner, after, closed := strings.Cut(rest[1:], "}")
		if !closed {
			x.fault("a ${ has no }; use $$ for a dollar sign")
			return ""
		}
		out.WriteString(x.variable(inner, lookup))
		return after
	case rest != "" && (isLetter(rest[0]) || rest[0] == '_'):
		x.fault("a $ precedes a letter; use ${NAME} for a variable, or $$ for a dollar sign")
	}
	out.WriteByte('$')
	return rest
}

func (x *expansion) variable(inner string, lookup func(string) (string, bool)) string {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	switch {
	case !isVariable(name):
		x.fault("the name in ${NAME} or ${NAME:-default} must have only letters, digits and underscores")
		return ""
	case strings.Contains(fallback, "${"):
		x.fault("the default of ${" + name + "} contains ${, which is not supported")
		return ""
	}
	value, set := lookup(name)
	switch {
	case hasFallback && value == "":
		return fallback
	case !set:
		x.fault("the variable " + name + " is not set; set it, or use ${" + name + ":-default}")
	}
	x.values = append(x.values, value)
	return value
}

func (x *expansion) fault(message string) { x.faults = append(x.faults, message) }

func isVariable(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
