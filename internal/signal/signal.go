// Package signal holds the words in which scopes and SDKs speak about held signals.
package signal

// Disposition says what to do with a signal.
type Disposition uint8

const (
	// Record means to record the signal: no intent covers it.
	Record Disposition = iota
	// RecordOverflow means to record the signal with a mark: its scope holds as many
	// signals as it may.
	RecordOverflow
	// Drop means not to record the signal: an intent covers it.
	Drop
	// Discard means not to record the signal: the work that raised it is done again.
	Discard
	// Hold means that the scope keeps the signal and decides later.
	Hold
)
