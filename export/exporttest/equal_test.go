package exporttest

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

func TestEqual(t *testing.T) {
	full := func() *record.Record {
		r := typical(0)
		r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "7", Roles: []string{"owner"}}
		r.Overridden = []attribute.KeyValue{attribute.String("client.address", "203.0.113.7")}
		r.Bulk.Sample = []string{"1"}
		r.Covers = []audit.Target{{Type: "tag", ID: "1"}}
		r.Redacted, r.Marks = []string{"reason"}, []mark.Mark{{Path: "reason", Kind: mark.Cut}}
		return r
	}
	require.NoError(t, Equal(full(), full()))
	require.NoError(t, Equal(nil, nil))
	require.ErrorContains(t, Equal(full(), nil), "record: want")
	require.ErrorContains(t, Equal(nil, full()), "record: want <nil>")

	// Equal must compare every field, including fields added later.
	changes := 0
	alter(reflect.ValueOf(full()).Elem(), "Record", func(path string, change func(r reflect.Value)) {
		changes++
		r := full()
		change(reflect.ValueOf(r).Elem())
		assert.Error(t, Equal(full(), r), path)
		assert.Error(t, Equal(r, full()), path)
	})
	assert.Greater(t, changes, 30)
}

// alter calls report for each exported field of the struct v, and of the values in it,
// with a function that changes this field in a copy of v.
func alter(v reflect.Value, path string, report func(path string, change func(root reflect.Value))) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		at := path + "." + field.Name
		inField := func(change func(reflect.Value)) func(reflect.Value) {
			return func(root reflect.Value) { change(root.Field(i)) }
		}
		nested := func(v reflect.Value, step func(reflect.Value) reflect.Value) {
			alter(v, at, func(path string, change func(reflect.Value)) {
				report(path, inField(func(f reflect.Value) { change(step(f)) }))
			})
		}
		switch value := v.Field(i); value.Interface().(type) {
		case time.Time:
			report(at, inField(func(f reflect.Value) { f.Set(reflect.ValueOf(f.Interface().(time.Time).Add(1))) }))
		case *resource.Resource:
			report(at, inField(func(f reflect.Value) {
				f.Set(reflect.ValueOf(resource.NewSchemaless(attribute.String("service.name", "other"))))
			}))
			report(at, inField(reflect.Value.SetZero))
		case attribute.Value:
			report(at, inField(func(f reflect.Value) { f.Set(reflect.ValueOf(attribute.Int64Value(12345))) }))
		default:
			switch value.Kind() {
			case reflect.Struct:
				nested(value, func(f reflect.Value) reflect.Value { return f })
			case reflect.Pointer:
				if !value.IsNil() {
					nested(value.Elem(), reflect.Value.Elem)
					report(at, inField(reflect.Value.SetZero))
				}
			case reflect.Slice:
				report(at+" without", inField(reflect.Value.SetZero))
				report(at+" twice", inField(func(f reflect.Value) { f.Set(reflect.AppendSlice(f, f)) }))
				if value.Type().Elem().Kind() == reflect.Struct {
					nested(value.Index(0), func(f reflect.Value) reflect.Value { return f.Index(0) })
				} else {
					report(at+"[0]", inField(func(f reflect.Value) { f.Index(0).SetString("other") }))
				}
			case reflect.Array:
				report(at, inField(func(f reflect.Value) { f.Index(0).SetUint(99) }))
			case reflect.String:
				report(at, inField(func(f reflect.Value) { f.SetString("other") }))
			case reflect.Bool:
				report(at, inField(func(f reflect.Value) { f.SetBool(!f.Bool()) }))
			case reflect.Int64:
				report(at, inField(func(f reflect.Value) { f.SetInt(f.Int() + 1) }))
			case reflect.Uint8:
				report(at, inField(func(f reflect.Value) { f.SetUint(f.Uint() + 1) }))
			default:
				panic(fmt.Sprintf("%s is a %s, which alter does not handle", at, value.Kind()))
			}
		}
	}
}

func TestEqualValues(t *testing.T) {
	t.Parallel()
	var all []attribute.Value
	for _, odd := range oddValues {
		all = append(all, odd.values...)
	}
	for i, a := range all {
		for j, b := range all {
			assert.Equal(t, i == j, sameValue(a, b), "%s and %s", show(a), show(b))
		}
	}
	oddNaN := math.Float64frombits(math.Float64bits(math.NaN()) ^ 1)
	assert.True(t, sameValue(attribute.Float64Value(math.NaN()), attribute.Float64Value(oddNaN)))
}

func TestEqualIgnores(t *testing.T) {
	t.Parallel()
	a, b := typical(0), typical(0)
	b.Time = b.Time.In(time.FixedZone("", 3600))
	b.Redacted, b.Marks, b.Overridden = []string{}, []mark.Mark{}, []attribute.KeyValue{}
	b.Resource = resource.NewWithAttributes("https://example.com/schema", a.Resource.Attributes()...)
	require.NoError(t, Equal(a, b))
	a.Resource, b.Resource = nil, resource.Empty()
	require.NoError(t, Equal(a, b))
}

func TestEqualError(t *testing.T) {
	t.Parallel()
	a, b := typical(0), typical(0)
	b.Actor.ID, b.Actor.Roles, b.Actor.OnBehalfOf = "43", nil, &audit.Actor{}
	b.Changes = nil
	b.Metadata[1].Value = attribute.Float64Value(0)
	b.Reason = string(make([]byte, 1000))
	err := Equal(a, b)
	for _, want := range []string{
		`actor.id: want "42", got "43"`, `actor.roles: want ["editor"], got []`, `actor.on_behalf_of: want <nil>, got &{`,
		`changes: want 1, got 0`, `metadata.sequence: want INT64 "0", got FLOAT64 "0"`, `(4002 bytes)`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.Less(t, len(err.Error()), 1000)
}
