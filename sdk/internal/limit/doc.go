// Package limit keeps records within the limits of their format, so that nobody who chooses
// a value can keep an event out of the trail.
//
// [Read] runs before redaction and bounds the work: it discards what is far too long
// (read.go). [Fitter.Fit] runs last. It escapes text that a record cannot have, and
// shortens what is too long, the longest first, until the record fits: fit.go decides
// whether anything has to change, plan.go how much, and shape.go changes it. Both mark what
// they change. docs/record-format.md has the limits.
package limit
