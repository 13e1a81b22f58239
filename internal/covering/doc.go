// Package covering decides which signals of a scope an intent covers. docs/covering.md
// explains the rules to users.
//
// Package audit makes a [Cover] of each event: the identity of what the event did. A scope
// has one [Signals], to which it offers signals and reports intents. It passes the signals
// that are left to the outer scope when it ends.
package covering
