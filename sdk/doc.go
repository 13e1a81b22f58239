// Package sdk is the implementation of the audit API: a TrackerProvider that
// turns events into records, runs them through processors, and delivers them.
//
//	exporter, err := stdout.New()
//	...
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//	...
//	defer provider.Shutdown(context.Background())
//	audit.SetTrackerProvider(provider)
//
// # The way of an event
//
// Track resolves the event (id, time, actor, metadata, trace) into a [Record].
// The user's processors see it first, then validation, suppression of covered
// signals, and redaction, in this order, so that nothing a processor adds
// escapes them. Then every delivery gets the record: a ledger stores it on disk
// before Track returns, and its exporters follow; a syncer exports it before Track
// returns; a batcher keeps it in a bounded queue in memory.
//
// # Errors
//
// Track returns nil only when every delivery took the record. What can be
// wrong is said by the sentinels and types of package audit and by
// [*ProcessorError]; errors never carry the values of an event.
//
// # Metrics
//
// The provider counts through OpenTelemetry's metrics, by default the global
// provider's:
//
//	audit.records.accepted          records that every delivery took
//	audit.records.rejected          events that were not recorded, by reason (and processor)
//	audit.records.suppressed        signals that were not recorded, by reason
//	audit.records.redacted          records in which something was redacted
//	audit.records.exported          records that a sink has, by exporter
//	audit.records.retried           records that were exported again, by exporter
//	audit.records.lost              records that a batcher gave up, by exporter
//	audit.records.dead_lettered     records that an exporter refused for good, by exporter
//	audit.ledger.depth              records that an exporter does not have yet, by ledger and exporter
//	audit.ledger.bytes              size of a ledger, by ledger
//	audit.values.unrepresentable    values of changes that were replaced by a placeholder
//	audit.export.duration           seconds that Export took, by exporter and outcome
package sdk
