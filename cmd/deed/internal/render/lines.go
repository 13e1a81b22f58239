package render

import (
	"fmt"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
)

// AppendFunc appends the line of a record. It must not be called concurrently.
type AppendFunc func(b []byte, l *query.Line) ([]byte, error)

// Lines returns the first line of a file in the format, if it has one, and a function that
// returns an AppendFunc for each goroutine that encodes records.
func Lines(o Options) (header []byte, newAppend func() AppendFunc, err error) {
	switch o.Format {
	case JSON:
		return nil, func() AppendFunc { return report.AppendJSON }, nil
	case CSV:
		columns, err := columnsOf(o)
		if err != nil {
			return nil, nil, err
		}
		return report.NewCSV(columns, o.Zone).Header(), func() AppendFunc { return report.NewCSV(columns, o.Zone).Append }, nil
	default:
		return nil, nil, fmt.Errorf("the format %s has no lines", o.Format)
	}
}
