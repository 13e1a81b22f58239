// Package report writes records to files for people: CSV that no spreadsheet takes for
// formulas, JSON lines, and the manifest that describes such a file.
//
//	columns, err := report.Columns("time", "actor", "action", "target")
//	...
//	lines := report.NewCSV(columns, time.UTC)
//	file := lines.Header()
//	for l, err := range query.Lines(ctx, reader, filter) {
//		...
//		file, err = lines.Append(file, &l)
//	}
//
// The command deed and package viewer write the same.
package report
