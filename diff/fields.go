package diff

import engine "github.com/opendeed/audit/internal/diff"

// Rule says how a field is recorded.
type Rule uint8

const (
	// Tracked records the values of the field. On a map, and on the value in an
	// interface, it opts in everything below, including keys that are added later; to
	// opt in some, name their keys. On a struct it opts in the tagged fields, and is an
	// error if there are none; name the fields instead.
	Tracked Rule = iota + 1
	// Sensitive records that the field changed, never its values: one change for
	// everything below it.
	Sensitive
)

// WithFields opts fields in by rule, for types that cannot carry tags: maps, and
// structs of other packages.
//
//	var accountFields = diff.WithFields(map[string]diff.Rule{
//		"Email":        diff.Tracked,   // a field of the struct, by its Go name
//		"Address.City": diff.Tracked,   // a field of the struct in Address
//		"Labels.color": diff.Tracked,   // a key of the map in Labels
//		"Lines.Price":  diff.Tracked,   // a field of every element of the slice Lines
//		"Card":         diff.Sensitive, // everything in Card, masked
//	})
//
// A path consists of the Go names of struct fields and of map keys, separated by
// dots; slices add nothing to it. The recorded path is the same, except that a
// tagged field keeps the name in its tag. A map key that contains dots matches as
// if it were nested.
//
// Rules add to tags. A field is sensitive if its tag, a rule on it or a rule above
// it makes it so, and no rule makes it less. A rule on an embedded struct records
// its fields under the name of its type. The rules of several options add up.
//
// A path that matches no field of a struct, or that continues below a single value, is an
// error of the diff. The keys of a map and the fields in an interface cannot be checked.
//
// Create the option once and keep it, because it caches what it compiled for each
// type. It does not retain the map. It is safe for concurrent use.
func WithFields(rules map[string]Rule) Option {
	converted := make(map[string]engine.Rule, len(rules))
	for path, rule := range rules {
		converted[path] = rule.engineRule()
	}
	set := engine.NewRules(converted)
	return func(o *engine.Options) { o.Rules = o.Rules.With(set) }
}

// engineRule returns the rule of the engine, or a number that it rejects.
func (r Rule) engineRule() engine.Rule {
	switch r {
	case Tracked:
		return engine.Tracked
	case Sensitive:
		return engine.Sensitive
	default:
		return engine.Rule(r) // stays invalid, also beside a valid rule on the same path
	}
}
