// Package checks has the analyzers of auditvet.
//
// Each of them stands in a file of its own, with its documentation, its messages and its
// rules. They share the names of the API (api.go).
package checks

import "golang.org/x/tools/go/analysis"

// All returns the analyzers.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{discarded, noTarget, repeatedKey, untagged}
}
