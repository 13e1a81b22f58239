package mongodb

import (
	"math"

	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// pairs decodes attributes whose values are inside depth slices and maps.
func (d *documentReader) pairs(path string, v bson.RawValue, depth int) []attribute.KeyValue {
	kvs := []attribute.KeyValue{}
	d.elements(path, v, func(path string, v bson.RawValue) {
		var kv attribute.KeyValue
		hasKey, hasValue := false, false
		d.document(path, v, func(path, name string, v bson.RawValue) {
			switch name {
			case pairKey:
				key, ok := v.StringValueOK()
				if !ok {
					d.fail(path, wrongType)
				}
				kv.Key, hasKey = attribute.Key(key), true
			case pairValue:
				kv.Value, hasValue = d.value(path, v, depth), true
			default:
				d.fail(path, unknownMember)
			}
		})
		switch n := len(kvs); {
		case !hasKey || !hasValue:
			d.fail(path, "it is not a pair of k and v")
		case n > 0 && kvs[n-1].Key >= kv.Key:
			d.fail(path, "its key is not greater than the previous key")
		}
		kvs = append(kvs, kv)
	})
	return kvs
}

// value decodes a value that is inside depth slices and maps.
func (d *documentReader) value(path string, v bson.RawValue, depth int) attribute.Value {
	switch v.Type {
	case bson.TypeNull:
		return attribute.Value{}
	case bson.TypeString:
		// Validate accepts a string without a length, for which StringValue panics.
		if text, ok := v.StringValueOK(); ok {
			return attribute.StringValue(text)
		}
	case bson.TypeBoolean:
		return attribute.BoolValue(v.Boolean())
	case bson.TypeInt64:
		return attribute.Int64Value(v.Int64())
	case bson.TypeDouble:
		return attribute.Float64Value(v.Double())
	case bson.TypeBinary:
		if subtype, data := v.Binary(); subtype == bson.TypeBinaryGeneric {
			return attribute.ByteSliceValue(data)
		}
	case bson.TypeArray:
		return d.array(path, v)
	case bson.TypeEmbeddedDocument:
		if depth == record.MaxEncodedNesting {
			d.fail(path, tooNested)
			return attribute.Value{}
		}
		return d.marked(path, v, depth)
	default:
	}
	d.fail(path, wrongType)
	return attribute.Value{}
}

// array decodes a typed slice.
func (d *documentReader) array(path string, v bson.RawValue) attribute.Value {
	var elements []attribute.Value
	d.elements(path, v, func(path string, v bson.RawValue) {
		e := d.value(path, v, record.MaxEncodedNesting-1) // room for the mark of a double
		if len(elements) > 0 && e.Type() != elements[0].Type() {
			d.fail(path, "its type is not that of the other elements")
		}
		elements = append(elements, e)
	})
	if d.reason != "" {
		return attribute.Value{}
	}
	if len(elements) == 0 {
		d.fail(path, "it has no elements, so that their type is not known")
		return attribute.Value{}
	}
	read := record.ListValue(elements)
	if read.Type() == attribute.SLICE {
		d.fail(path, "there are no slices of its elements' type")
		return attribute.Value{}
	}
	return read
}

// marked decodes a document that stands for a value without a BSON type.
func (d *documentReader) marked(path string, v bson.RawValue, depth int) attribute.Value {
	var read attribute.Value
	members := 0
	d.document(path, v, func(path, name string, v bson.RawValue) {
		members++
		switch name {
		case markFloat:
			read = d.markedFloat(path, v)
		case markEmpty:
			read = d.markedEmpty(path, v)
		case markSlice:
			elements := []attribute.Value{}
			d.elements(path, v, func(path string, v bson.RawValue) {
				elements = append(elements, d.elementOfSlice(path, v, depth+1))
			})
			read = attribute.SliceValue(elements...)
		case markMap:
			read = attribute.MapValue(d.pairs(path, v, depth+1)...)
		default:
			d.fail(path, unknownMember)
		}
	})
	if members != 1 {
		d.fail(path, "it is no value: a document that is one has one member")
	}
	return read
}

// elementOfSlice decodes an element, which may be an array inside a document.
func (d *documentReader) elementOfSlice(path string, v bson.RawValue, depth int) attribute.Value {
	if document, ok := v.DocumentOK(); ok {
		inner, err := document.LookupErr(markArray)
		if elements, bad := document.Elements(); err == nil && bad == nil && len(elements) == 1 {
			return d.arrayInSlice(path, inner)
		}
	}
	if v.Type == bson.TypeArray {
		d.fail(path, "it is an array directly inside of another")
		return attribute.Value{}
	}
	return d.value(path, v, depth)
}

func (d *documentReader) arrayInSlice(path string, v bson.RawValue) attribute.Value {
	read := d.value(path, v, record.MaxEncodedNesting-1)
	switch read.Type() {
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE:
	default:
		d.fail(path, wrongType)
	}
	return read
}

func (d *documentReader) markedFloat(path string, v bson.RawValue) attribute.Value {
	switch s, _ := v.StringValueOK(); s {
	case "NaN":
		return attribute.Float64Value(math.NaN())
	case "Infinity":
		return attribute.Float64Value(math.Inf(1))
	case "-Infinity":
		return attribute.Float64Value(math.Inf(-1))
	case "-0":
		return attribute.Float64Value(math.Copysign(0, -1))
	}
	d.fail(path, unknownWord)
	return attribute.Value{}
}

func (d *documentReader) markedEmpty(path string, v bson.RawValue) attribute.Value {
	word, _ := v.StringValueOK()
	read, ok := record.EmptySlice(word)
	if !ok {
		d.fail(path, unknownWord)
	}
	return read
}
