package redact

import (
	"strings"

	"github.com/opendeed/audit/internal/secretwords"
)

// maxColumns is the length of the longest list of columns that is read.
const maxColumns = 1000

// maxHeaderLine is the length of the longest first line that is read as names of columns.
const maxHeaderLine = 1000

// findColumns appends the spans of secrets in a table whose first line names its columns:
// from the first secret column to the end of each line.
func (d *Redactor) findColumns(text string, spans []span) []span {
	first := text[:min(len(text), maxHeaderLine)]
	n := strings.IndexByte(first, '\n')
	if n < 0 {
		return spans
	}
	first = first[:n]
	for _, separator := range []byte(",;\t|") {
		count := strings.Count(first, string(separator))
		if count == 0 {
			continue
		}
		column := d.secretColumn(first, separator)
		if column < 0 {
			continue
		}
		for start := n + 1; start < len(text); {
			end := lineEnd(text, start)
			if line := text[start:end]; strings.Count(line, string(separator)) >= count && strings.Trim(line, "-:| \r\t") != "" {
				spans = append(spans, span{start + fieldStart(line, separator, column), end})
			}
			start = end + 1
		}
	}
	return spans
}

// secretColumn returns the number of the first column that names a secret, or -1 if there
// is none or the line is no list of names.
func (d *Redactor) secretColumn(line string, separator byte) (column int) {
	column = -1
	i := 0
	for name := range strings.SplitSeq(line, string(separator)) {
		name = strings.Trim(name, " \"'`*\r")
		if len(name) > maxKey || strings.ContainsAny(name, "=:<>(){}.!?") || strings.Count(name, " ") > 2 {
			return -1
		}
		if column < 0 && d.nameStrength(name) != secretwords.None {
			column = i
		}
		i++
	}
	return column
}

// fieldStart returns where a field of a line begins.
func fieldStart(line string, separator byte, field int) (start int) {
	for ; field > 0; field-- {
		n := strings.IndexByte(line[start:], separator)
		if n < 0 {
			break
		}
		start += n + 1
	}
	return start
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
