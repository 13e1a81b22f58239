// Package record defines the audit record, which exporters store and readers return, and
// its canonical JSON.
//
//	line, err := r.AppendJSON(nil) // equal records have equal bytes
//	...
//	var decoded record.Record
//	err = decoded.UnmarshalJSON(line)
//
// A provider of package sdk turns events into records. Exporters, readers and tools need
// this package, but not package sdk. docs/record-format.md describes the JSON for readers
// in any language.
package record
