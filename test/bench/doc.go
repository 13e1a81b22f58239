// Package bench compares the speed of OpenDeed Audit with that of similar libraries. All of them
// process the same event in the same process. "make bench" prints the table.
//
// Each benchmark has one sub-benchmark for each implementation, named impl=X, which benchstat
// prints as a column. The event has 23 fields: action, operation, the actor's type, ID, name and
// auth method, the target's type and ID, outcome, reason, tenant, and 12 string attributes, 7 of
// which come from the scope. Other libraries record the action as their message or event name.
package bench
