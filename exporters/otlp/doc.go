// Package otlp sends records to an OpenTelemetry collector, or to whatever else takes
// OTLP logs, over gRPC or HTTP.
//
//	exporter, err := otlp.NewGRPC(ctx, otlp.WithEndpoint("https://collector.example.com:4317"))
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//
// Without options the environment decides, by OTEL_EXPORTER_OTLP_ENDPOINT and its
// kin as OpenTelemetry specifies them
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/), but for one thing:
// a value that cannot be used fails the start, instead of being passed over.
//
// A record is a log record whose event name is the action; docs/otlp.md has the
// mapping, and what is done about each of a server's answers. Nothing is lost in it:
// [Decode] makes the records again.
//
// # What nil means
//
// Export returns nil when the server has answered that it took every record. What the
// server does with them then, and whether they survive its crash, is its own affair: a
// collector keeps them in memory unless it is set up otherwise.
//
// An attempt whose answer was lost is repeated, so that a server may get a record
// twice, under the same audit.record.id.
//
// OpenTelemetry's own exporters are not used; docs/decisions.md says why.
package otlp
