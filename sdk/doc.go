// Package sdk implements the audit API: its TrackerProvider turns events into records,
// checks and redacts them, and delivers them.
//
//	exporter, err := stdout.New()
//	if err != nil {
//		log.Fatal(err)
//	}
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer provider.Shutdown(context.Background())
//	audit.SetTrackerProvider(provider)
//
// # The path of an event
//
// Track turns the event into a [record.Record]: it assigns the ID and the times, finds
// the actor, and adds metadata and the trace. Then the record passes
//
//   - the application's processors ([WithProcessor]),
//   - validation ([WithValidation], [WithPolicy]), which rejects it or cleans its text,
//   - suppression, which holds back signals that an intent covers,
//   - redaction ([WithRedaction]), and
//   - delivery: a ledger ([WithLedger]) stores the record on disk before Track returns,
//     and its exporters follow; a syncer ([WithSyncer]) exports it before Track returns;
//     a batcher ([WithBatcher]) keeps it in a bounded queue in memory.
//
// Because of this order, what a processor adds is validated and redacted too.
//
// # Errors
//
// Track returns nil only if every delivery accepted the record. For a signal, nil may
// also mean that its scope holds it, or that an intent covers it. Otherwise the error
// matches an error of package audit, [ErrDropped], [ErrTooManyAttempts], a
// [*ProcessorError] or a [*PolicyError]. Errors never contain the values of an event.
//
// # Metrics
//
// The provider records these metrics with OpenTelemetry. By default it uses the global
// meter provider; see [WithMeterProvider].
//
//	name                          unit      attributes          counts
//	audit.records.accepted        {record}                      records that every delivery accepted
//	audit.records.rejected        {record}  reason, processor   events that were not recorded because of an error
//	audit.records.folded          {record}  share               events that were counted in a fold; see WithFolding
//	audit.records.suppressed      {record}  reason              signals that were not recorded
//	audit.records.redacted        {record}                      records in which something was redacted
//	audit.records.exported        {record}  exporter            records that were exported
//	audit.records.retried         {record}  exporter            records that were exported again after an error
//	audit.records.lost            {record}  exporter            records that a batcher gave up
//	audit.records.dead_lettered   {record}  exporter            records that an exporter rejected permanently
//	audit.values.unrepresentable  {value}                       values of changes that a placeholder replaced
//	audit.ledger.depth            {record}  ledger, exporter    records in a ledger that were not exported yet
//	audit.ledger.bytes            By        ledger              size of a ledger
//	audit.ledger.dead_letter_bytes By       ledger              size of its dead letters
//	audit.attempts.open           {attempt} ledger              open attempts that have a slot
//	audit.attempts.expired        {attempt} ledger              open attempts that gave it up; see WithAttemptTimeout
//	audit.exports.hung            {call}    exporter            calls that did not return when their context ended
//	audit.resolvers.hung          {call}                        actor functions that did not return in time
//	audit.export.duration         s         exporter, outcome   duration of Export calls
//
// The reason of a rejected event is one of actor_resolver, anonymous, delivery, dropped,
// invalid, ledger_full, maybe_stored, no_actor, processor, queue_full, share_full, shutdown and
// too_many_attempts. With dropped, and only then, the attribute processor is set: it is the processor's type. The
// reason of a suppressed signal is covered (by an intent) or context
// ([audit.SuppressSignals]). Outcome is success or failure.
package sdk
