// Package marks has the kinds of marks that packages below package record set, which
// documents them.
package marks

// Kinds of marks.
const (
	Client    = "client"
	Requested = "requested"
)
