// Package diff finds the changes between two values, among the fields that are
// opted in by struct tag or rule. It is the engine of audit.Diff, whose
// documentation is the contract.
//
// A diff runs in two phases.
//
// First, types. [AppendChanges] checks the type and all types below it (check.go), so
// that a mistake in a tag or a rule is an error whatever the values are. To do so
// it compiles a plan for each struct (plan.go): the fields to record, with their
// names and what is opted in below them (selection.go). A plan comes from the tags
// of the struct (tag.go) and the rules that WithFields added to them (rules.go).
// Plans and the result of the check are cached, for the program if they come from
// tags alone, in [Rules] otherwise.
//
// Then, values. A walker (walk.go) walks both values side by side. At each path it
// classifies the two sides (side.go) as absent, single, a struct, a list or a map,
// where a list can be recorded by index or by key (member.go). Sides of different
// forms are a removal and an addition. Sides of the same form are walked by field,
// element or key, down to single values, which package values represents as
// attributes. If two single values differ (equal.go), the walker records a
// [Change] (result.go). Under a sensitive field it does not walk: one masked change covers
// everything below.
//
// Below the paths of NotLoaded, zero values are not known (not_loaded.go). A diff is
// bounded: the constants at the top of walk.go say how.
//
// Values can refer to themselves. The walker keeps the references on its way to
// the current path (cycle.go), and records a placeholder where one repeats.
//
// Read diff.go, then rules.go, tag.go, selection.go, plan.go and check.go for the
// first phase, and walk.go, side.go, member.go, cycle.go and equal.go for the
// second. Each file uses only the ones after it in this table:
//
//	convert.go    the same as changes of package audit
//	diff.go       AppendChanges and Rules
//	check.go      mistakes in types and rules
//	walk.go       two values side by side
//	not_loaded.go values that the application did not read
//	side.go       one value at a path
//	equal.go      whether two values differ
//	member.go     the parts of maps and keyed slices
//	cycle.go      references
//	plan.go       the fields of a struct
//	selection.go  what is opted in
//	tag.go        struct tags
//	rules.go      rules
//	result.go     Change and Error
package diff
