package render

import (
	"encoding/json"
	"slices"
	"strings"
)

// The functions here read the canonical JSON of a record, which has no white space and whose
// members are sorted, without decoding it. They trust that it is canonical: it comes from
// AppendJSON, or from a store that has checked it.

// member is a member of an object that is looked for.
type member struct {
	name string
	cell int // where its value goes, or -1
	// inner are the members of its value that are looked for, sorted by name.
	inner []member
}

// wantedOf returns the members with the paths, such as "actor.type". The cell of each is its
// place in paths.
func wantedOf(paths []string) []member {
	var all []member
	for cell, path := range paths {
		name, rest, nested := strings.Cut(path, ".")
		at, found := slices.BinarySearchFunc(all, name, func(m member, name string) int { return strings.Compare(m.name, name) })
		if !found {
			all = slices.Insert(all, at, member{name: name, cell: -1})
		}
		if !nested {
			all[at].cell = cell
			continue
		}
		inner := member{name: rest, cell: cell}
		in, _ := slices.BinarySearchFunc(all[at].inner, rest, func(m member, name string) int { return strings.Compare(m.name, name) })
		all[at].inner = slices.Insert(all[at].inner, in, inner)
	}
	return all
}

// find sets the cells of the members of an object. Both are sorted, so it compares each name
// with the next ones that are looked for.
func find(object string, wanted []member, cells []string) {
	if len(object) < 2 || object[0] != '{' {
		return
	}
	for rest := object[1:]; len(wanted) > 0 && len(rest) > 0 && rest[0] == '"'; {
		n := stringEnd(rest)
		if n >= len(rest) || rest[n] != ':' {
			return
		}
		name := rest[1 : n-1]
		rest = rest[n+1:]
		end := valueEnd(rest)
		for len(wanted) > 0 && wanted[0].name < name && strings.IndexByte(name, '\\') < 0 { // escapes sort otherwise
			wanted = wanted[1:]
		}
		if len(wanted) > 0 && wanted[0].name == name {
			if wanted[0].cell >= 0 {
				cells[wanted[0].cell] = rest[:end]
			}
			find(rest[:end], wanted[0].inner, cells)
		}
		if end >= len(rest) || rest[end] != ',' {
			return
		}
		rest = rest[end+1:]
	}
}

// stringEnd returns the length of the string at the beginning of a text, with its quotes.
func stringEnd(text string) int {
	for n := 1; n < len(text); n++ {
		i := strings.IndexByte(text[n:], '"')
		if i < 0 {
			return len(text)
		}
		n += i
		backslashes := 0
		for text[n-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return n + 1
		}
	}
	return len(text)
}

// valueEnd returns the length of the value at the beginning of a text.
func valueEnd(text string) int {
	depth := 0
	for n := 0; n < len(text); {
		switch text[n] {
		case '"':
			n += stringEnd(text[n:])
			if depth == 0 {
				return n
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return n + min(1, depth+1)
			}
		case ',':
			if depth == 0 {
				return n
			}
		}
		n++
	}
	return len(text)
}

// unquote returns the text of a JSON string, or, of any other value, its JSON.
func unquote(value string) string {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	if strings.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	var text string
	if json.Unmarshal([]byte(value), &text) != nil {
		return value
	}
	return text
}
