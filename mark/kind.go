package mark

// Kind says what happened to a value: words of lower-case letters, digits and underscores,
// joined by dots, as in an action. The vocabulary is open: a record may have any kind that
// record.ValidMarkKind accepts.
type Kind string

// The kinds that the SDK and its integrations use.
const (
	// Cut is for a text that was shortened. Length and SHA256 are those of the whole text,
	// redacted.
	Cut Kind = "cut"
	// Escaped is for a text or a key with invalid UTF-8 or control characters, which are
	// written as \xNN.
	Escaped Kind = "escaped"
	// Repeated is for a key that occurred more than once. The last value was kept.
	Repeated Kind = "repeated"
	// Dropped is for a list that was too long. Count is the number of elements that were
	// left out. At "attempt" it is for the name of somebody else's attempt.
	Dropped Kind = "dropped"
	// Unread is for a value of more than a mebibyte, or one for which a context token had
	// no room. Length is the number of bytes that were discarded unread.
	Unread Kind = "unread"
	// Replaced is for a value that was replaced by a placeholder.
	Replaced Kind = "replaced"
	// PolicyUnmet is for a field that a policy requires and the event lacks.
	PolicyUnmet Kind = "policy.unmet"
	// Requested is for changes that were asked for, but not observed.
	Requested Kind = "requested"
	// CountUnknown is for the count of events that were folded into one record, if a crash
	// left it unfinished.
	CountUnknown Kind = "count.unknown"
	// Missing is for a value that was to be recorded and could not be. The error was
	// reported when that happened.
	Missing Kind = "missing"
	// NotLoaded is for a value that was not loaded, and so is not known.
	NotLoaded Kind = "not_loaded"
	// Client is for metadata that a client sent. The SDK cuts its texts to
	// record.MaxClientText bytes, and removes the mark before delivery.
	Client Kind = "client"
	// SignalOverflow is for a signal that was recorded because its scope could not hold
	// more. Its path is empty.
	SignalOverflow Kind = "signal.overflow"
)
