// Package textdiff compares two texts line by line, and changed lines word by word, for pages
// that show them side by side.
package textdiff

import (
	"slices"
	"strings"
	"unicode"
)

// Span is a piece of a line. Changed reports whether the other text lacks it.
type Span struct {
	Text    string
	Changed bool
}

// Row is a line of both texts. A side is nil if it has no such line. Skipped is the number of
// equal lines that are left out here; then both sides are nil.
type Row struct {
	Old, New []Span
	Same     bool
	Skipped  int
}

const (
	// maxEdits bounds the work: texts that differ in more lines, or words of a line, are shown
	// as replaced.
	maxEdits = 400
	// context is how many equal lines are kept beside a change.
	context = 3
)

// Diff returns the rows of two texts.
func Diff(before, after string) []Row {
	a, b := lines(before), lines(after)
	var rows []Row
	i, j := 0, 0
	for _, m := range append(match(a, b), pair{len(a), len(b)}) {
		rows = append(rows, changed(a[i:m.a], b[j:m.b])...)
		if m.a < len(a) {
			same := []Span{{Text: a[m.a]}}
			rows = append(rows, Row{Old: same, New: same, Same: true})
		}
		i, j = m.a+1, m.b+1
	}
	return skip(rows)
}

// lines returns the lines of a text without their ends. An empty text has none.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// changed returns the rows of lines that were replaced by others.
func changed(a, b []string) []Row {
	rows := make([]Row, max(len(a), len(b)))
	for n := range rows {
		switch {
		case n >= len(a):
			rows[n].New = []Span{{b[n], true}}
		case n >= len(b):
			rows[n].Old = []Span{{a[n], true}}
		default:
			rows[n].Old, rows[n].New = Words(a[n], b[n])
		}
	}
	return rows
}

// Words compares two lines word by word.
func Words(before, after string) (o, n []Span) {
	a, b := words(before), words(after)
	i, j := 0, 0
	for _, m := range append(match(a, b), pair{len(a), len(b)}) {
		o, n = add(o, true, a[i:m.a]), add(n, true, b[j:m.b])
		if m.a < len(a) {
			o, n = add(o, false, a[m.a:m.a+1]), add(n, false, b[m.b:m.b+1])
		}
		i, j = m.a+1, m.b+1
	}
	return o, n
}

// add appends words to the last span, or to a new one if that is of the other kind.
func add(spans []Span, changed bool, words []string) []Span {
	for _, w := range words {
		if n := len(spans); n > 0 && spans[n-1].Changed == changed {
			spans[n-1].Text += w
		} else {
			spans = append(spans, Span{w, changed})
		}
	}
	return spans
}

// words splits a line into words, runs of white space, and other characters.
func words(line string) []string {
	var all []string
	class := func(c rune) int {
		switch {
		case unicode.IsLetter(c), unicode.IsDigit(c), c == '_':
			return 1
		case unicode.IsSpace(c):
			return 2
		}
		return 0
	}
	start, last := 0, -1
	for i, c := range line {
		k := class(c)
		if i > 0 && (k != last || k == 0) {
			all = append(all, line[start:i])
			start = i
		}
		last = k
	}
	if line != "" {
		all = append(all, line[start:])
	}
	return all
}

// pair is the place of an element in both lists.
type pair struct{ a, b int }

// match returns the elements that both lists have in common, in order: as many as can be with
// at most maxEdits edits, or else those at both ends.
func match(a, b []string) []pair {
	var head, tail []pair
	for len(head) < len(a) && len(head) < len(b) && a[len(head)] == b[len(head)] {
		head = append(head, pair{len(head), len(head)})
	}
	x, y := a[len(head):], b[len(head):]
	for len(tail) < len(x) && len(tail) < len(y) && x[len(x)-1-len(tail)] == y[len(y)-1-len(tail)] {
		tail = append(tail, pair{len(a) - 1 - len(tail), len(b) - 1 - len(tail)})
	}
	middle := shortest(x[:len(x)-len(tail)], y[:len(y)-len(tail)])
	for _, m := range middle {
		head = append(head, pair{m.a + len(a) - len(x), m.b + len(b) - len(y)})
	}
	for _, m := range slices.Backward(tail) {
		head = append(head, m)
	}
	return head
}

// shortest returns the matches of the shortest edit script, by the algorithm of Myers, or none
// if it has more than maxEdits edits.
func shortest(a, b []string) []pair {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	limit := min(len(a)+len(b), maxEdits)
	reached := make([]int, 2*limit+2) // the furthest place in a on each diagonal
	var history [][]int
	for d := 0; d <= limit; d++ {
		history = append(history, append([]int(nil), reached...))
		for k := -d; k <= d; k += 2 {
			x := start(reached, limit, d, k)
			for x < len(a) && x-k < len(b) && x-k >= 0 && a[x] == b[x-k] {
				x++
			}
			reached[limit+k] = x
			if x >= len(a) && x-k >= len(b) {
				return trace(history, limit, len(a), len(b))
			}
		}
	}
	return nil
}

// start returns where the path with d edits begins on diagonal k: after a deletion, or an
// insertion.
func start(reached []int, limit, d, k int) int {
	if k == -d || k != d && reached[limit+k-1] < reached[limit+k+1] {
		return reached[limit+k+1]
	}
	return reached[limit+k-1] + 1
}

// trace walks back from the end.
func trace(history [][]int, limit, x, y int) []pair {
	var found []pair
	for d := len(history) - 1; d > 0; d-- {
		reached, k := history[d], x-y
		from := k - 1
		if k == -d || k != d && reached[limit+k-1] < reached[limit+k+1] {
			from = k + 1
		}
		atX := reached[limit+from]
		atY := atX - from
		for x > atX && y > atY {
			x, y = x-1, y-1
			found = append(found, pair{x, y})
		}
		x, y = atX, atY
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		found = append(found, pair{x, y})
	}
	slices.Reverse(found)
	return found
}

// skip replaces long runs of equal rows.
func skip(rows []Row) []Row {
	var kept []Row
	for start := 0; start < len(rows); {
		end := start
		for end < len(rows) && rows[end].Same == rows[start].Same {
			end++
		}
		run := rows[start:end]
		before, after := context, context
		if start == 0 {
			before = 0
		}
		if end == len(rows) {
			after = 0
		}
		if run[0].Same && len(run) > before+after+1 {
			kept = append(kept, run[:before]...)
			kept = append(kept, Row{Skipped: len(run) - before - after})
			kept = append(kept, run[len(run)-after:]...)
		} else {
			kept = append(kept, run...)
		}
		start = end
	}
	return kept
}
