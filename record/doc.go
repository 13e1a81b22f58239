// Package record defines the audit record, which is what every exporter stores and
// every reader returns, and its one wire form: canonical JSON.
//
//	line, err := r.AppendJSON(nil) // one line, equal records are equal bytes
//	...
//	var again record.Record
//	err = again.UnmarshalJSON(line)
//
// A provider of package sdk makes records out of events. Exporters, readers and tools
// need this package and not the pipeline. docs/record-format.md describes the JSON for
// readers in any language.
package record
