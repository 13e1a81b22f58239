package auditmongo

import (
	"slices"
	"time"

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
