// Package otlp exports records to an OpenTelemetry collector, or to any other server of OTLP
// logs, over gRPC or HTTP.
//
//	exporter, err := otlp.NewGRPC(ctx, otlp.WithEndpoint("https://collector.example.com:4317"))
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//
// Settings without an option come from the environment variables that OpenTelemetry
// specifies, such as OTEL_EXPORTER_OTLP_ENDPOINT
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Unlike the specification,
// which ignores invalid values, the constructors return an error for them.
//
// A record is one log record, with the action as its event name. docs/otlp.md describes
// the mapping and how each reply of a server is handled. The mapping is lossless: [Decode]
// returns the original records.
//
// # What nil means
//
// Export returns nil when the server has replied that it accepted every record. Whether the
// records then survive a crash depends on the server: by default, a collector keeps them
// in memory.
//
// If a reply is lost, the request is repeated. The server may then get a record twice, with
// the same audit.record.id.
//
// The package does not use OpenTelemetry's own exporters; docs/decisions.md explains why.
package otlp
