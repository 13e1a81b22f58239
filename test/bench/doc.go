// Package bench measures OpenDeed Audit beside its peers: the same event, in the
// same process, in turns. "make bench" prints the table.
//
// Every benchmark has one sub-benchmark for each implementation, named impl=X,
// which benchstat sets side by side. The event has 22 fields: action, operation,
// the actor's type, id, name and auth method, the target's type and id, outcome,
// reason, tenant, and 12 string attributes of which 7 come from the scope; the
// eleventh field of a peer's record is its message or event name.
package bench
