package semconv

// Standard actions.
const (
	// ActionUserLogin is an attempt of a user to log in. The outcome tells whether it
	// succeeded.
	ActionUserLogin = "user.login"
	// ActionUserLogout is the logout of a user.
	ActionUserLogout = "user.logout"
	// ActionAccessDenied is a request that was denied, if no other event records the denial.
	ActionAccessDenied = "access.denied"
	// ActionCoverageMissing is a request that probably changed something, but for which
	// the application recorded no event.
	ActionCoverageMissing = "audit.coverage.missing"
	// ActionRejected is an event that was rejected, such as an intent without a reason that
	// the policy requires, or without an actor. Its metadata says which.
	ActionRejected = "audit.rejected"
	// ActionTrailRead is that somebody looked at records of an audit trail, and
	// ActionTrailExport that somebody has exported them.
	ActionTrailRead   = "audit.trail.read"
	ActionTrailExport = "audit.trail.export"
	// ActionTrailArchive is that records were copied to an archive, which was read back and
	// verified. ActionTrailRemove is the attempt to remove what nobody must keep: a segment
	// of a ledger, records of a collection, or an archive.
	ActionTrailArchive = "audit.trail.archive"
	ActionTrailRemove  = "audit.trail.remove"
	// ActionTrailImport is the attempt to store the records of an archive again. Its target is
	// the archive.
	ActionTrailImport = "audit.trail.import"
	// ActionHoldPlace is that a hold was placed, which blocks the removal of records, and
	// ActionHoldLift the attempt to lift it.
	ActionHoldPlace = "audit.hold.place"
	ActionHoldLift  = "audit.hold.lift"
	// ActionSubjectErase is the attempt to destroy the key of a subject, so that nobody can read
	// its erasable values any more. Its target is the subject.
	ActionSubjectErase = "audit.subject.erase"
	// ActionTrailDisclose is that an erasable value of a record was opened for somebody who may
	// not see the key. Its target is the record.
	ActionTrailDisclose = "audit.trail.disclose"
	// ActionDeadLetterDrop is the attempt to give up dead letters of an exporter, which then never
	// gets their records. Its target is the exporter.
	ActionDeadLetterDrop = "audit.dead_letter.drop"
	// ActionCursorRemove is the attempt to stop keeping records for an exporter, which then never
	// gets those that it lacks. Its target is the exporter.
	ActionCursorRemove = "audit.cursor.remove"
	// ActionLedgerRepair is that a damaged ledger was opened without what it has lost. Its target is
	// the ledger, which has the record itself.
	ActionLedgerRepair = "audit.ledger.repair"
	// ActionSealAdopt is that a ledger was accepted which contradicts what was sealed, such as
	// a backup that was restored.
	ActionSealAdopt = "audit.seal.adopt"
	// ActionEpochOpen records that a provider began to count what becomes of its events,
	// ActionEpochCount records the counts, and ActionEpochClose the last ones. The target is the
	// epoch, which lasts from the start of a provider to its shutdown.
	ActionEpochOpen  = "audit.epoch.open"
	ActionEpochCount = "audit.epoch.count"
	ActionEpochClose = "audit.epoch.close"
	// ActionUnitCommit is the attempt to do a unit of work, such as a transaction.
	ActionUnitCommit = "unit.commit"
)

// Standard channels: how the actor reached the service.
const (
	ChannelAPI    = "api"
	ChannelAdmin  = "admin"
	ChannelWeb    = "web"
	ChannelJob    = "job"
	ChannelCLI    = "cli"
	ChannelSystem = "system"
)
