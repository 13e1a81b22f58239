package viewer

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
)

// isExpensive reports whether a search may read many records that do not match: it has words, a
// condition for which a store has no index, or one that the View of the actor makes useless.
// Such a condition is cheap beside one that selects few records. That others are set, such as
// the outcome, does not matter: most records may have it.
func (v *visit) isExpensive(f *query.Filter) bool {
	switch {
	case f.Text != "" || f.Reason != "" || f.Failure != "":
		return true
	case len(f.IDs)+len(f.Targets)+len(f.Attempts)+len(f.Sessions)+len(f.TraceIDs) > 0:
		return v.reader.Drops(f)
	}
	return unindexed(f) || v.reader.Drops(f)
}

// unindexed reports whether a filter has a condition that the index of a ledger does not narrow:
// query/internal/index, Clauses.
func unindexed(f *query.Filter) bool {
	return len(f.Not)+len(f.Resource)+len(f.TargetTypes)+len(f.Stages) > 0 ||
		slices.ContainsFunc(f.Changed, func(pattern string) bool { return strings.Contains(pattern, "*") }) ||
		slices.ContainsFunc(f.Actors, nameless) && slices.ContainsFunc(f.Actors, named) ||
		slices.ContainsFunc(f.OnBehalfOf, nameless) ||
		slices.Contains(f.Operations, audit.OperationUnspecified) ||
		slices.Contains(f.Tenants, "") || slices.Contains(f.Channels, "")
}

func nameless(a audit.Actor) bool { return a.ID == "" }

func named(a audit.Actor) bool { return a.ID != "" }
