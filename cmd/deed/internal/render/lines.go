package render

import (
	"fmt"

	"github.com/opendeed/audit/query"
)

// AppendFunc appends the line of a record. It must not be called concurrently.
type AppendFunc func(b []byte, l *query.Line) ([]byte, error)

// Lines returns the first line of a file in the format, if it has one, and a function that
// returns an AppendFunc for each goroutine that encodes records.
func Lines(o Options) (header []byte, newAppend func() AppendFunc, err error) {
	switch o.Format {
	case JSON:
		return nil, func() AppendFunc { return appendJSONLine }, nil
	case CSV:
		columns, err := columnsOf(o)
		return csvHeader(columns), func() AppendFunc { return newCSVEncoder(columns, o.Zone).Append }, err
	default:
		return nil, nil, fmt.Errorf("the format %s has no lines", o.Format)
	}
}

func appendJSONLine(b []byte, l *query.Line) ([]byte, error) {
	return append(append(b, l.JSON...), '\n'), nil
}
