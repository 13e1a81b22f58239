// Package folding keeps one party from filling the trail. Of the denials and the like
// that a party causes, the first in each window are recorded whole. The rest is folded:
// one record is begun durably before the first of them is accepted, and finished with
// their number when the window ends.
//
// folder.go decides, fold.go counts, record.go makes the records, parties.go remembers the
// parties.
package folding
