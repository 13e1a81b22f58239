package render

import (
	"time"

	"github.com/opendeed/audit/record"
)

// ColumnText returns the text of a column.
func ColumnText(name string, r *record.Record, zone *time.Location) string {
	c, err := columnsByName([]string{name})
	if err != nil {
		return err.Error()
	}
	return c[0].text(r, zone)
}
