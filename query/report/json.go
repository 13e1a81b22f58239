package report

import "github.com/opendeed/audit/query"

// AppendJSON appends the canonical JSON of a record, and a line feed.
func AppendJSON(b []byte, l *query.Line) ([]byte, error) {
	return append(append(b, l.JSON...), '\n'), nil
}
