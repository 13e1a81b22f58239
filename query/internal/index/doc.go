// Package index is the format of the files that make searches of a ledger fast. An index
// covers consecutive entries of one segment: it knows their times, in which frames they
// are, which terms they have, which words their texts may have, and how often some values
// occur. docs/index-format.md specifies the bytes.
//
// An index is never the truth. Its pages have checksums that are bound to the segment, and
// a bad page, or no index, costs time only: then the entries are read. What an index says
// of an entry is a reason to read the entry, which is checked, decoded and matched again.
//
// Read hash.go, terms.go and signature.go first, then extract.go and builder.go, which collect,
// encode.go, which writes an image, and file.go, which reads it.
package index
