package report

import "github.com/opendeed/audit/record"

// AppendJSON appends the canonical JSON of a record, and a line feed.
func AppendJSON(b []byte, r *record.Record) ([]byte, error) {
	line, err := r.AppendJSON(b)
	if err != nil {
		return b, err
	}
	return append(line, '\n'), nil
}
