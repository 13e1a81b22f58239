package report

import (
	"bytes"
	"encoding/json"
)

// The functions here read the canonical JSON of a record, which has no white space, without
// decoding it. They trust that it is canonical: it comes from AppendJSON, or from a store
// that has checked it.

// eachMember calls use with the name and the value of each member of an object, as they are
// in the text: the name without its quotes. It stops at the first byte that it does not
// expect.
func eachMember(object []byte, use func(name, value []byte)) {
	if len(object) < 2 || object[0] != '{' {
		return
	}
	for rest := object[1:]; len(rest) > 0 && rest[0] == '"'; {
		n := stringEnd(rest)
		if n >= len(rest) || rest[n] != ':' {
			return
		}
		name := rest[1 : n-1]
		rest = rest[n+1:]
		end := valueEnd(rest)
		use(name, rest[:end])
		if end >= len(rest) || rest[end] != ',' {
			return
		}
		rest = rest[end+1:]
	}
}

// stringEnd returns the length of the string at the beginning of a text, with its quotes.
func stringEnd(text []byte) int {
	for n := 1; n < len(text); n++ {
		i := bytes.IndexByte(text[n:], '"')
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
func valueEnd(text []byte) int {
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
func unquote(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return value
	}
	return []byte(text)
}
