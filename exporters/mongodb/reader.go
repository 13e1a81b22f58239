package mongodb

import (
	"context"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.opentelemetry.io/otel/attribute"
)

// Reader finds the records of a collection. It is safe for concurrent use.
type Reader struct{ collection *mongo.Collection }

var _ query.Reader = (*Reader)(nil)

// NewReader returns a Reader of what an Exporter has stored. It reads with the
// collection's read concern and preference.
func NewReader(coll *mongo.Collection) *Reader { return &Reader{coll} }

// Find returns the records that match, as query.Reader says. The server searches by
// the exporter's indexes, and every document that it returns is checked again, since a
// server does not tell the integer 1 from the number 1. A document that is no record
// is a *DocumentError.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if err := f.Validate(); err != nil {
			yield(nil, err)
			return
		}
		sorted := options.Find().SetSort(order(f.Ascending))
		cursor, err := r.collection.Find(ctx, search(&f, elementMatch), sorted)
		if err != nil && len(f.Metadata) > 0 && isHopeless(err) {
			cursor, err = r.collection.Find(ctx, search(&f, memberMatch), sorted)
		}
		if err != nil {
			yield(nil, findError(ctx, err))
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // was only read
		left := f.Limit
		if left == 0 {
			left = math.MaxInt
		}
		for left > 0 && cursor.Next(ctx) {
			record, err := Unmarshal(cursor.Current)
			if err == nil {
				if !f.Matches(record) {
					continue
				}
				left--
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

// findError says that the context has ended where that is why.
func findError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("mongodb: %w", ended)
	}
	return serverError(err)
}

func order(ascending bool) bson.D {
	direction := int32(-1)
	if ascending {
		direction = 1
	}
	return bson.D{{Key: memberTime, Value: direction}, {Key: memberTimeRest, Value: direction}, {Key: memberID, Value: direction}}
}

// search returns what to ask the server for: all that match, and little else.
func search(f *query.Filter, metadata func(attribute.KeyValue) bson.D) bson.D {
	and := bson.A{}
	is := func(member string, value any) { and = append(and, bson.D{{Key: member, Value: value}}) }
	text := func(member, value string) {
		if value != "" {
			is(member, value)
		}
	}
	text("actor.id", f.ActorID)
	text("target.id", f.TargetID)
	text("target.type", f.TargetType)
	text("tenant", f.Tenant)
	text("channel", f.Channel)
	text("trace_id", f.TraceID)
	if f.ActorType != audit.ActorNone {
		is("actor.type", f.ActorType.String())
	}
	if f.Operation != audit.OperationUnspecified {
		is("operation", f.Operation.String())
	}
	if f.Outcome != nil {
		is("outcome", f.Outcome.String())
	}
	if f.Kind != nil {
		is("kind", f.Kind.String())
	}
	switch {
	case strings.Contains(f.Action, "*"):
		is("action", bson.Regex{Pattern: globPattern(f.Action)})
	default:
		text("action", f.Action)
	}
	for _, kv := range f.Metadata {
		and = append(and, metadata(kv))
	}
	if !f.Since.IsZero() {
		and = append(and, atOrBehind(f.Since, "$gt", "$gte"))
	}
	if !f.Until.IsZero() {
		and = append(and, atOrBehind(f.Until, "$lt", "$lt"))
	}
	if f.After != "" {
		at, id, _ := query.ParseCursor(f.After) // it is valid
		and = append(and, behind(at, id, f.Ascending))
	}
	if len(and) == 0 {
		return bson.D{}
	}
	return bson.D{{Key: "$and", Value: and}}
}

// globPattern returns a regular expression for a pattern in which * stands for any
// characters. One that begins with a text is found by the index.
func globPattern(glob string) string {
	parts := strings.Split(glob, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return "^" + strings.Join(parts, ".*") + "$"
}

// elementMatch matches a pair by the index on both its members.
func elementMatch(kv attribute.KeyValue) bson.D {
	if match := memberMatch(kv); len(match) == 1 {
		return match // of the key alone
	}
	return bson.D{{Key: "metadata", Value: bson.D{{Key: "$elemMatch", Value: pairMatch("", kv)}}}}
}

// memberMatch matches pairs of which one has the key and one has the value. It is for
// servers that have no elementMatch, such as FerretDB 1.
func memberMatch(kv attribute.KeyValue) bson.D { return pairMatch("metadata.", kv) }

// pairMatch matches a key, and its value where servers agree on what is equal.
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

// atOrBehind compares the time with one that is finer than the server's.
func atOrBehind(t time.Time, beyond, within string) bson.D {
	date := bson.NewDateTimeFromTime(t)
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: memberTime, Value: bson.D{{Key: beyond, Value: date}}}},
		bson.D{{Key: memberTime, Value: date}, {Key: memberTimeRest, Value: bson.D{{Key: within, Value: subMillisecond(t)}}}},
	}}}
}

// behind matches what comes behind a record in the order.
func behind(t time.Time, id audit.ID, ascending bool) bson.D {
	than := "$lt"
	if ascending {
		than = "$gt"
	}
	date := bson.NewDateTimeFromTime(t)
	last := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: memberTime, Value: bson.D{{Key: than, Value: date}}}},
		bson.D{{Key: memberTime, Value: date}, {Key: memberTimeRest, Value: bson.D{{Key: than, Value: subMillisecond(t)}}}},
		bson.D{
			{Key: memberTime, Value: date},
			{Key: memberTimeRest, Value: subMillisecond(t)},
			{Key: memberID, Value: bson.D{{Key: than, Value: last}}},
		},
	}}}
}
