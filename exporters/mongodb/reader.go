package mongodb

import (
	"context"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.opentelemetry.io/otel/attribute"
)

// Reader finds the records in a collection. It is safe for concurrent use.
type Reader struct{ collection *mongo.Collection }

var _ query.Reader = (*Reader)(nil)

// NewReader returns a Reader of the records that an Exporter stored. It uses the read
// concern and the read preference of the collection.
func NewReader(coll *mongo.Collection) *Reader { return &Reader{coll} }

// Find returns the records that match, as query.Reader describes. The server searches with
// the exporter's indexes. Find then checks every document again, since a server does not
// distinguish the integer 1 from the float 1. For a document that is not a record, it
// yields a *DocumentError.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if err := f.Validate(); err != nil {
			yield(nil, err)
			return
		}
		sorted := options.Find().SetSort(sortKeys(f.Ascending))
		cursor, err := r.collection.Find(ctx, serverFilter(&f, elementMatch), sorted)
		if err != nil && len(f.Metadata) > 0 && isPermanent(err) {
			cursor, err = r.collection.Find(ctx, serverFilter(&f, memberMatch), sorted)
		}
		if err != nil {
			yield(nil, findError(ctx, err))
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // only read
		remaining := f.Limit
		if remaining == 0 {
			remaining = math.MaxInt
		}
		for remaining > 0 && cursor.Next(ctx) {
			record, err := Unmarshal(cursor.Current)
			if err == nil {
				if !f.Matches(record) {
					continue
				}
				remaining--
			}
			if !yield(record, err) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(nil, findError(ctx, err))
		}
	}
}

// findError returns the error of the context if it has ended, or a *ServerError.
func findError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("mongodb: %w", ended)
	}
	return serverError(err)
}

func sortKeys(ascending bool) bson.D {
	direction := int32(-1)
	if ascending {
		direction = 1
	}
	return bson.D{{Key: memberTime, Value: direction}, {Key: memberTimeRest, Value: direction}, {Key: memberID, Value: direction}}
}

// serverFilter returns a filter for the server. It matches all records that f matches, and
// few others.
func serverFilter(f *query.Filter, metadata func(attribute.KeyValue) bson.D) bson.D {
	and := bson.A{}
	equal := func(member string, value any) { and = append(and, bson.D{{Key: member, Value: value}}) }
	text := func(member, value string) {
		switch forms := nameForms(value); {
		case value == "":
		case len(forms) == 1:
			equal(member, forms[0])
		default:
			equal(member, bson.D{{Key: "$in", Value: forms}})
		}
	}
	text("actor.id", f.ActorID)
	text("target.id", f.TargetID)
	text("target.type", f.TargetType)
	text("tenant", f.Tenant)
	text("channel", f.Channel)
	text("trace_id", f.TraceID)
	if f.ActorType != audit.ActorNone {
		equal("actor.type", f.ActorType.String())
	}
	if f.Operation != audit.OperationUnspecified {
		equal("operation", f.Operation.String())
	}
	if f.Outcome != nil {
		equal("outcome", f.Outcome.String())
	}
	if f.Kind != nil {
		equal("kind", f.Kind.String())
	}
	switch {
	case strings.Contains(f.Action, "*"):
		equal("action", bson.Regex{Pattern: globPattern(f.Action)})
	default:
		text("action", f.Action)
	}
	for _, kv := range f.Metadata {
		or := bson.A{}
		for _, form := range attributeForms(kv) {
			or = append(or, metadata(form))
		}
		if len(or) == 1 {
			and = append(and, or[0])
			continue
		}
		and = append(and, bson.D{{Key: "$or", Value: or}})
	}
	if !f.Since.IsZero() {
		and = append(and, compareTime(f.Since, "$gt", "$gte"))
	}
	if !f.Until.IsZero() {
		and = append(and, compareTime(f.Until, "$lt", "$lt"))
	}
	if f.After != "" {
		after, _ := query.ParseCursor(f.After) // validated
		and = append(and, afterRecord(after.Time, after.ID, f.Ascending))
	}
	if len(and) == 0 {
		return bson.D{}
	}
	return bson.D{{Key: "$and", Value: and}}
}

// nameForms returns the forms in which a record may have a text that says who or what.
func nameForms(text string) []string {
	forms := formsOf(text, record.EscapeName)
	if kept, cut := record.CutName(text); cut {
		forms = append(forms, kept)
	}
	return forms
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
// policy.Match. A prefix before the first * lets the server use the index.
func globPattern(glob string) string {
	parts := strings.Split(glob, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return "^" + strings.Join(parts, ".*") + "$"
}

// elementMatch matches a pair of key and value with the index on both members.
func elementMatch(kv attribute.KeyValue) bson.D {
	if match := memberMatch(kv); len(match) == 1 {
		return match // the key only
	}
	return bson.D{{Key: "metadata", Value: bson.D{{Key: "$elemMatch", Value: pairMatch("", kv)}}}}
}

// memberMatch matches a document in which one pair has the key and any pair has the value.
// It is for servers without elementMatch, such as FerretDB 1.
func memberMatch(kv attribute.KeyValue) bson.D { return pairMatch("metadata.", kv) }

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
