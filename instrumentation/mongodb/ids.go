package auditmongo

import (
	"math"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// IDType is a type of _id.
type IDType uint8

const (
	// IDAny is the zero value: any type. The same text may stand for IDs of different
	// types, such as 1001 and "1001". A signal whose ID is a string that looks like an ID
	// of another type says so in the metadata semconv.TargetIDTypeKey, and an intent covers
	// signals of one of the two.
	IDAny IDType = iota
	// IDObjectID is for ObjectIDs.
	IDObjectID
	// IDString is for strings.
	IDString
	// IDNumber is for numbers.
	IDNumber
	// IDUUID is for binary values of subtype 4.
	IDUUID
)

// objectID is the target ID for an _id.
type objectID struct {
	text  string
	valid bool // there is an _id that identifies one document
	// ambiguous reports whether the _id is a string, and the text that of another type.
	ambiguous bool
}

// idText returns the target ID for an _id. It is not valid if the value is missing, null
// or malformed.
func (t IDType) idText(v bson.RawValue) objectID {
	switch v.Type {
	case bson.TypeNull, bson.TypeUndefined, 0:
		return objectID{}
	default:
	}
	if isMalformed(v) {
		return objectID{}
	}
	text, natural := naturalText(v)
	switch {
	case natural == IDAny:
		return objectID{text: v.String(), valid: true}
	case t == IDAny:
		return objectID{text: text, valid: true, ambiguous: natural == IDString && looksLikeOtherType(text)}
	case t != natural && natural == IDNumber:
		return objectID{text: `{"$numberLong":"` + text + `"}`, valid: true} // also for an int32, which is the same _id
	case t != natural || natural == IDString && looksLikeJSON(text):
		return objectID{text: v.String(), valid: true}
	}
	return objectID{text: text, valid: true}
}

// naturalText returns the text of an _id of one of the types that have a natural one.
func naturalText(v bson.RawValue) (string, IDType) {
	switch v.Type {
	case bson.TypeString:
		return v.StringValue(), IDString
	case bson.TypeObjectID:
		return v.ObjectID().Hex(), IDObjectID
	case bson.TypeInt32:
		return strconv.FormatInt(int64(v.Int32()), 10), IDNumber
	case bson.TypeInt64:
		return strconv.FormatInt(v.Int64(), 10), IDNumber
	case bson.TypeDouble:
		// To the server, 5.0 and 5 are the same _id.
		if f := v.Double(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10), IDNumber
		}
	case bson.TypeBinary:
		if id, ok := uuidText(v); ok {
			return id, IDUUID
		}
	default:
	}
	return "", IDAny
}

// looksLikeOtherType reports whether a string is the text of an _id of another type.
func looksLikeOtherType(s string) bool {
	if looksLikeJSON(s) {
		return true
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return true
	}
	if id, err := bson.ObjectIDFromHex(s); err == nil && id.Hex() == s {
		return true
	}
	var id audit.ID
	return id.UnmarshalText([]byte(s)) == nil && id.String() == s
}

// looksLikeJSON reports whether a string may be the canonical extended JSON of an _id.
func looksLikeJSON(s string) bool {
	return strings.HasPrefix(s, "{") || strings.HasPrefix(s, `"`) || s == "true" || s == "false"
}

// idOf returns the target ID for the _id in a filter. It is not valid if the filter does
// not require exactly one value.
func (t IDType) idOf(filter bson.Raw) objectID {
	v, err := filter.LookupErr("_id")
	if err != nil {
		return objectID{}
	}
	if condition, ok := v.DocumentOK(); ok {
		members, err := condition.Elements()
		if err == nil && len(members) > 0 && len(members[0].Key()) > 0 && members[0].Key()[0] == '$' {
			if len(members) > 1 || members[0].Key() != "$eq" {
				return objectID{}
			}
			v = members[0].Value()
		}
	}
	if v.Type == bson.TypeRegex {
		return objectID{}
	}
	return t.idText(v)
}

// uuidText returns the text of a UUID, and reports false for any other value.
func uuidText(v bson.RawValue) (string, bool) {
	subtype, data, ok := v.BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID || len(data) != len(audit.ID{}) {
		return "", false
	}
	return audit.ID(data).String(), true
}
