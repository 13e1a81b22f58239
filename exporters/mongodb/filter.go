package mongodb

import (
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// conditions are the parts of a filter for the server, all of which a document must match.
type conditions struct {
	and bson.A
	// exact reports whether they match only what the filter matches. Otherwise they match
	// more.
	exact bool
	// elements reports whether the server can match several members of one element of an
	// array.
	elements bool
}

// serverFilter returns a filter for the server. It matches all records that f matches, and
// few others. elements is false for servers without $elemMatch on several members, such as
// FerretDB 1.
func serverFilter(f *query.Filter, elements bool) bson.D {
	c := conditionsOf(f, elements)
	for i := range f.Not {
		if excluded := conditionsOf(&f.Not[i], elements); excluded.exact {
			c.and = append(c.and, bson.D{{Key: "$nor", Value: bson.A{excluded.filter()}}})
		}
	}
	if f.After != "" {
		after, _ := query.ParseCursor(f.After) // validated
		c.and = append(c.and, afterRecord(after.Time, after.ID, f.Ascending))
	}
	return c.filter()
}

func (c *conditions) filter() bson.D {
	if len(c.and) == 0 {
		return bson.D{}
	}
	return bson.D{{Key: "$and", Value: c.and}}
}

// conditionsOf returns the conditions of a filter, except Not and After.
func conditionsOf(f *query.Filter, elements bool) *conditions {
	c := &conditions{exact: true, elements: elements}
	c.in(memberID, binaries(f.IDs))
	c.actors([]string{"actor"}, f.Actors)
	c.in("actor.type", words(f.ActorTypes))
	c.actors(delegations, f.OnBehalfOf)
	if f.Delegated {
		c.and = append(c.and, bson.D{{Key: "actor.on_behalf_of", Value: bson.D{{Key: "$exists", Value: true}}}})
	}
	c.in("actor.session_id", anyOf(f.Sessions))
	c.names("tenant", f.Tenants)
	c.names("channel", f.Channels)
	c.patterns("action", f.Actions)
	c.in("operation", words(f.Operations))
	c.in("outcome", words(f.Outcomes))
	c.in("kind", words(f.Kinds))
	c.targets(f.Targets)
	c.targetTypes(f.TargetTypes)
	c.patterns("changes.field", f.Changed)
	c.in("attempt", binaries(f.Attempts))
	c.stages(f.Stages)
	c.in("trace_id", words(f.TraceIDs))
	c.attributes("metadata", f.Metadata)
	c.attributes("resource", f.Resource)
	c.words(f.Reason, []string{"reason"}, nil)
	c.words(f.Failure, []string{"failure"}, nil)
	c.words(f.Text, searched, unsearched)
	if !f.Since.IsZero() {
		c.and = append(c.and, compareTime(f.Since, "$gt", "$gte"))
	}
	if !f.Until.IsZero() {
		c.and = append(c.and, compareTime(f.Until, "$lt", "$lt"))
	}
	return c
}

// or adds a condition of which one alternative must match, unless there are none.
func (c *conditions) or(alternatives bson.A) {
	switch len(alternatives) {
	case 0:
	case 1:
		c.and = append(c.and, alternatives[0])
	default:
		c.and = append(c.and, bson.D{{Key: "$or", Value: alternatives}})
	}
}

// absent stands for the value of a member that a document does not have.
var absent = struct{}{}

// in adds the condition that a member has one of the values, unless there are none.
func (c *conditions) in(member string, values bson.A) {
	var alternatives, present bson.A
	for _, v := range values {
		if v == absent {
			alternatives = append(alternatives, bson.D{{Key: member, Value: bson.D{{Key: "$exists", Value: false}}}})
			continue
		}
		present = append(present, v)
	}
	if len(present) > 0 {
		alternatives = append(alternatives, isIn(member, present))
	}
	c.or(alternatives)
}

// isIn matches a member that has one of the values.
func isIn(member string, values bson.A) bson.D {
	if len(values) == 1 {
		return bson.D{{Key: member, Value: values[0]}}
	}
	return bson.D{{Key: member, Value: bson.D{{Key: "$in", Value: values}}}}
}

func binaries(ids []audit.ID) bson.A {
	var values bson.A
	for _, id := range ids {
		values = append(values, bson.Binary{Subtype: bson.TypeBinaryUUID, Data: append([]byte(nil), id[:]...)})
	}
	return values
}

func anyOf(texts []string) bson.A {
	var values bson.A
	for _, text := range texts {
		values = append(values, text)
	}
	return values
}

// words returns the words of constants. A record does not have the operation that is not
// specified.
func words[T interface{ String() string }](constants []T) bson.A {
	var values bson.A
	for _, v := range constants {
		if o, ok := any(v).(audit.Operation); ok && o == audit.OperationUnspecified {
			values = append(values, absent)
			continue
		}
		values = append(values, v.String())
	}
	return values
}

// forms returns the forms in which a record may have a text that says who or what.
func (c *conditions) forms(text string) bson.A {
	forms := anyOf(formsOf(text, record.EscapeName))
	if kept, cut := record.CutName(text); cut {
		forms = append(forms, kept)
		c.exact = false // the hash must match
	}
	return forms
}

// names adds the condition that a member has one of the texts, of which the empty one stands
// for none.
func (c *conditions) names(member string, texts []string) {
	var values bson.A
	for _, text := range texts {
		if text == "" {
			values = append(values, absent)
			continue
		}
		values = append(values, c.forms(text)...)
	}
	c.in(member, values)
}

// delegations are the members that may have an actor for whom another acted.
var delegations = func() (members []string) {
	for depth := range record.MaxDelegation {
		members = append(members, "actor"+strings.Repeat(".on_behalf_of", depth+1))
	}
	return members
}()

// actors adds the condition that one of the members has one of the actors.
func (c *conditions) actors(members []string, actors []audit.Actor) {
	var alternatives bson.A
	for i := range actors {
		a := &actors[i]
		for _, member := range members {
			var match bson.D
			if a.ID != "" {
				match = isIn(member+".id", c.forms(a.ID))
			}
			if a.Type != audit.ActorNone {
				match = append(match, bson.E{Key: member + ".type", Value: a.Type.String()})
			}
			alternatives = append(alternatives, match)
		}
	}
	c.or(alternatives)
}

// targets adds the condition that the target, or one that it covers, is one of the targets.
func (c *conditions) targets(targets []audit.Target) {
	var alternatives bson.A
	for _, t := range targets {
		match := func(prefix string) bson.D {
			match := isIn(prefix+"id", c.forms(t.ID))
			if t.Type != "" {
				match = append(match, isIn(prefix+"type", c.forms(t.Type))...)
			}
			return match
		}
		alternatives = append(alternatives, match("target."))
		if covers := match("covers."); len(covers) == 1 || !c.elements {
			c.exact = c.exact && len(covers) == 1
			alternatives = append(alternatives, covers)
			continue
		}
		alternatives = append(alternatives, bson.D{{Key: "covers", Value: bson.D{{Key: "$elemMatch", Value: match("")}}}})
	}
	c.or(alternatives)
}

func (c *conditions) targetTypes(types []string) {
	var values bson.A
	for _, text := range types {
		values = append(values, c.forms(text)...)
	}
	if len(values) > 0 {
		c.or(bson.A{isIn("target.type", values), isIn("covers.type", values)})
	}
}

// patterns adds the condition that a member matches one of the patterns.
func (c *conditions) patterns(member string, patterns []string) {
	var values, alternatives bson.A
	for _, p := range patterns {
		for _, form := range formsOf(p, record.EscapeName) {
			if strings.Contains(form, "*") {
				alternatives = append(alternatives, bson.D{{Key: member, Value: bson.Regex{Pattern: globPattern(form), Options: "s"}}})
				continue
			}
			values = append(values, form)
		}
	}
	if len(values) > 0 {
		alternatives = append(alternatives, isIn(member, values))
	}
	c.or(alternatives)
}

func (c *conditions) stages(stages []query.Stage) {
	var alternatives bson.A
	for _, s := range stages {
		alternatives = append(alternatives, bson.D{{Key: "attempt", Value: bson.D{{Key: "$exists", Value: s != query.StageNone}}}})
		c.exact = c.exact && s == query.StageNone
	}
	c.or(alternatives)
}

// attributes adds, for each key, the condition that a list of pairs has one of its values.
func (c *conditions) attributes(member string, kvs []attribute.KeyValue) {
	var keys []attribute.Key
	alternatives := map[attribute.Key]bson.A{}
	for _, kv := range kvs {
		if _, ok := alternatives[kv.Key]; !ok {
			keys = append(keys, kv.Key)
		}
		for _, form := range attributeForms(kv) {
			alternatives[kv.Key] = append(alternatives[kv.Key], c.pair(member, form))
		}
	}
	for _, key := range keys {
		c.or(alternatives[key])
		c.exact = false // servers find a text in a list, and an integer that equals a float
	}
}

// pair matches a pair with the index on both members. Without elements, one pair has the key
// and any pair has the value.
func (c *conditions) pair(member string, kv attribute.KeyValue) bson.D {
	if match := pairMatch(member+".", kv); len(match) == 1 || !c.elements {
		return match
	}
	return bson.D{{Key: member, Value: bson.D{{Key: "$elemMatch", Value: pairMatch("", kv)}}}}
}

// formsOf returns the forms in which a record may have a text: escaped, or as it is.
func formsOf(text string, escape func(string) string) []string {
	escaped := escape(text)
	if escaped == text || !utf8.ValidString(text) { // no record has the text as it is
		return []string{escaped}
	}
	return []string{text, escaped}
}

// attributeForms returns the forms in which a record may have an attribute.
func attributeForms(kv attribute.KeyValue) []attribute.KeyValue {
	var forms []attribute.KeyValue
	for _, key := range formsOf(string(kv.Key), record.EscapeName) {
		if kv.Value.Type() != attribute.STRING {
			forms = append(forms, attribute.KeyValue{Key: attribute.Key(key), Value: kv.Value})
			continue
		}
		for _, text := range formsOf(kv.Value.AsString(), record.EscapeText) {
			forms = append(forms, attribute.String(key, text))
		}
	}
	return forms
}

// globPattern returns a regular expression that matches the same texts as the pattern in
// policy.Match, with the option s. A prefix before the first * lets the server use the index.
func globPattern(glob string) string {
	parts := strings.Split(glob, "*")
	for i := range parts {
		parts[i] = strings.ReplaceAll(regexp.QuoteMeta(parts[i]), "\x00", ".") // BSON has no NUL there
	}
	return "^" + strings.Join(parts, ".*") + "$"
}

// pairMatch matches a key, and its value if servers agree on the equality of its type.
func pairMatch(prefix string, kv attribute.KeyValue) bson.D {
	match := bson.D{{Key: prefix + pairKey, Value: string(kv.Key)}}
	switch kv.Value.Type() {
	case attribute.STRING:
		match = append(match, bson.E{Key: prefix + pairValue, Value: kv.Value.AsString()})
	case attribute.BOOL:
		match = append(match, bson.E{Key: prefix + pairValue, Value: kv.Value.AsBool()})
	case attribute.INT64:
		match = append(match, bson.E{Key: prefix + pairValue, Value: kv.Value.AsInt64()})
	case attribute.FLOAT64:
		if f := kv.Value.AsFloat64(); f != 0 && !math.IsNaN(f) && !math.IsInf(f, 0) {
			match = append(match, bson.E{Key: prefix + pairValue, Value: f})
		}
	default:
	}
	return match
}

// compareTime compares the time of a record with t: the dates with dateOp, or, if they are
// equal, the remaining nanoseconds with restOp.
func compareTime(t time.Time, dateOp, restOp string) bson.D {
	date := bson.NewDateTimeFromTime(t)
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: memberTime, Value: bson.D{{Key: dateOp, Value: date}}}},
		bson.D{{Key: memberTime, Value: date}, {Key: memberTimeRest, Value: bson.D{{Key: restOp, Value: subMillisecond(t)}}}},
	}}}
}

// afterRecord matches the records after the one with this time and ID.
func afterRecord(t time.Time, id audit.ID, ascending bool) bson.D {
	op := "$lt"
	if ascending {
		op = "$gt"
	}
	date := bson.NewDateTimeFromTime(t)
	last := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: memberTime, Value: bson.D{{Key: op, Value: date}}}},
		bson.D{{Key: memberTime, Value: date}, {Key: memberTimeRest, Value: bson.D{{Key: op, Value: subMillisecond(t)}}}},
		bson.D{
			{Key: memberTime, Value: date},
			{Key: memberTimeRest, Value: subMillisecond(t)},
			{Key: memberID, Value: bson.D{{Key: op, Value: last}}},
		},
	}}}
}
