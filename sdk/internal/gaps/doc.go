// Package gaps counts what becomes of the events of a provider and of the requests of its
// application, and records the counts.
//
// A provider has one [Epoch], from its start to its shutdown. The records of an epoch have all
// counts since it was opened, so one that cannot be stored, or is stored twice, changes nothing:
// the next one has its counts too. If the process is killed, the last record is missing. Package
// query/gaps reads them.
package gaps
