package auditmongo

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// timeLayout is the layout of times in diffs: RFC 3339 with nine fractional digits.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// valueOf returns the recorded form of a scalar. It agrees with audit.Diff for the Go type
// into which the value is usually decoded.
func valueOf(v bson.RawValue) attribute.Value {
	if isMalformed(v) {
		return record.UnrepresentableValue(v.Type.String(), "malformed")
	}
	switch v.Type {
	case bson.TypeString:
		return attribute.StringValue(v.StringValue())
	case bson.TypeSymbol:
		return attribute.StringValue(v.Symbol())
	case bson.TypeBoolean:
		return attribute.BoolValue(v.Boolean())
	case bson.TypeInt32:
		return attribute.Int64Value(int64(v.Int32()))
	case bson.TypeInt64:
		return attribute.Int64Value(v.Int64())
	case bson.TypeDouble:
		return attribute.Float64Value(v.Double())
	case bson.TypeDecimal128:
		return attribute.StringValue(v.Decimal128().String())
	case bson.TypeObjectID:
		return attribute.StringValue(v.ObjectID().Hex())
	case bson.TypeDateTime:
		return attribute.StringValue(time.UnixMilli(v.DateTime()).UTC().Format(timeLayout))
	case bson.TypeBinary:
		if id, ok := uuidText(v); ok {
			return attribute.StringValue(id)
		}
		_, data := v.Binary()
		return attribute.ByteSliceValue(slices.Clone(data))
	case bson.TypeNull, bson.TypeUndefined:
		return attribute.Value{}
	default:
		return attribute.StringValue(v.String())
	}
}

// isMalformed reports whether v is not valid BSON. The driver sends such a value if the
// application wrote raw bytes; its accessors panic then, and Validate does not find every
// string of a wrong length.
func isMalformed(v bson.RawValue) bool {
	ok := true
	switch v.Type {
	case bson.TypeString:
		_, ok = v.StringValueOK()
	case bson.TypeSymbol:
		_, ok = v.SymbolOK()
	default:
	}
	return !ok || v.Validate() != nil
}

// idText returns the target ID for an _id. It reports false if the value is missing, null
// or malformed.
func idText(v bson.RawValue) (string, bool) {
	if v.Type != 0 && isMalformed(v) {
		return "", false
	}
	switch v.Type {
	case bson.TypeString:
		return v.StringValue(), true
	case bson.TypeObjectID:
		return v.ObjectID().Hex(), true
	case bson.TypeInt32:
		return strconv.FormatInt(int64(v.Int32()), 10), true
	case bson.TypeInt64:
		return strconv.FormatInt(v.Int64(), 10), true
	case bson.TypeDouble:
		// To the server, 5.0 and 5 are the same _id.
		if f := v.Double(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10), true
		}
	case bson.TypeBinary:
		if id, ok := uuidText(v); ok {
			return id, true
		}
	case bson.TypeNull, bson.TypeUndefined, 0:
		return "", false
	default:
	}
	return v.String(), true
}

// idOf returns the target ID for the _id in a filter. It reports false if the filter does
// not require exactly one value.
func idOf(filter bson.Raw) (string, bool) {
	v, err := filter.LookupErr("_id")
	if err != nil {
		return "", false
	}
	if condition, ok := v.DocumentOK(); ok {
		members, err := condition.Elements()
		if err == nil && len(members) > 0 && len(members[0].Key()) > 0 && members[0].Key()[0] == '$' {
			if len(members) > 1 || members[0].Key() != "$eq" {
				return "", false
			}
			v = members[0].Value()
		}
	}
	if v.Type == bson.TypeRegex {
		return "", false
	}
	return idText(v)
}

// uuidText returns the text of a UUID, and reports false for any other value.
func uuidText(v bson.RawValue) (string, bool) {
	subtype, data, ok := v.BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID || len(data) != len(audit.ID{}) {
		return "", false
	}
	return audit.ID(data).String(), true
}
