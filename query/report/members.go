package report

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strings"

	"github.com/opendeed/audit/query"
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

// wantedOf returns the members with the paths, such as "actor.type" or "metadata.client.address".
// The cell of each is its place in paths.
func wantedOf(paths []string) []member {
	var all []member
	for cell, path := range paths {
		name, rest, _ := strings.Cut(path, ".")
		if nested := name == "metadata" || name == "resource"; !nested || rest == "" {
			name, rest = path, ""
		}
		at, found := slices.BinarySearchFunc(all, name, compareNames)
		if !found {
			all = slices.Insert(all, at, member{name: name, cell: -1})
		}
		if rest == "" {
			all[at].cell = cell
			continue
		}
		in, _ := slices.BinarySearchFunc(all[at].inner, rest, compareNames)
		all[at].inner = slices.Insert(all[at].inner, in, member{name: rest, cell: cell})
	}
	return all
}

func compareNames(m member, name string) int { return strings.Compare(m.name, name) }

// findIn sets the cells of the members of a record. Both are sorted.
func findIn(l *query.Line, wanted []member, cells []string) {
	for path, value := range l.Members() {
		order := -1
		for len(wanted) > 0 {
			if order = strings.Compare(wanted[0].name, path); order >= 0 {
				break
			}
			wanted = wanted[1:]
		}
		if len(wanted) == 0 {
			return
		}
		if w := &wanted[0]; order == 0 {
			if w.cell >= 0 {
				cells[w.cell] = value
			}
			if len(w.inner) > 0 {
				find(value, w.inner, cells)
			}
		}
	}
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
			cells[wanted[0].cell] = rest[:end]
		}
		if end >= len(rest) || rest[end] != ',' {
			return
		}
		rest = rest[end+1:]
	}
}

// stringEnd returns the length of the string at the beginning of a text, with its quotes.
func stringEnd(text string) int {
	for n := 1; n < len(text); {
		n += untilQuote(text[n:])
		switch {
		case n >= len(text):
			return len(text)
		case text[n] == '"':
			return n + 1
		}
		n += 2 // an escape
	}
	return len(text)
}

// untilQuote returns the number of bytes before the first quote or backslash.
func untilQuote(text string) int {
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		w := load8(text[n:])
		if found := zeroBytes(w^'"'*ones) | zeroBytes(w^'\\'*ones); found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(text) && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

const ones = 0x0101_0101_0101_0101

// zeroBytes returns a number whose lowest bit that is set is in the first byte of w that is
// zero; it is zero if none is.
func zeroBytes(w uint64) uint64 { return (w - ones) &^ w & (ones << 7) }

// load8 returns the first eight bytes of a text, little-endian.
func load8(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
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
