// Package canonical writes and reads the parts of records and context tokens as
// canonical JSON (RFC 8785): strings, numbers, times, attributes and actors.
//
// A [Writer] and a [Reader] keep their first failure, so their callers check once, at
// the end. [Path] then names the member that failed. docs/record-format.md describes
// the JSON, with the markers of values that plain JSON cannot distinguish.
package canonical
