package exporttest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Equal returns nil if the records are equal, or an error that lists the fields that
// differ, with their values.
//
// Equal compares times as instants, and attribute values by type and content: the
// integer 1 differs from the float 1, 0 differs from -0, NaN equals NaN, and an empty
// slice differs from one of another type. It compares lists in order and treats nil as
// empty. It compares only the attributes of the resources.
func Equal(want, got *record.Record) error {
	if want == nil || got == nil {
		if want == got {
			return nil
		}
		return fmt.Errorf("record: want %v, got %v", want, got)
	}
	var d differences
	compareField(&d, "id", want.ID, got.ID)
	d.time("time", want.Time, got.Time)
	d.time("observed_time", want.ObservedTime, got.ObservedTime)
	compareField(&d, "kind", want.Kind, got.Kind)
	compareField(&d, "action", want.Action, got.Action)
	compareField(&d, "operation", want.Operation, got.Operation)
	d.actor("actor", &want.Actor, &got.Actor)
	compareField(&d, "target", want.Target, got.Target)
	compareField(&d, "outcome", want.Outcome, got.Outcome)
	compareList(&d, "covers", want.Covers, got.Covers)
	compareField(&d, "reason", want.Reason, got.Reason)
	compareField(&d, "failure", want.Failure, got.Failure)
	compareField(&d, "attempt", want.Attempt, got.Attempt)
	compareField(&d, "bulk.selector", want.Bulk.Selector, got.Bulk.Selector)
	compareField(&d, "bulk.affected", want.Bulk.Affected, got.Bulk.Affected)
	d.texts("bulk.sample", want.Bulk.Sample, got.Bulk.Sample)
	d.changes(want.Changes, got.Changes)
	compareField(&d, "tenant", want.Tenant, got.Tenant)
	d.keyValues("metadata", want.Metadata, got.Metadata)
	compareField(&d, "tracker", want.Tracker, got.Tracker)
	d.keyValues("resource", want.Resource.Attributes(), got.Resource.Attributes())
	compareField(&d, "trace_id", want.TraceID, got.TraceID)
	compareField(&d, "span_id", want.SpanID, got.SpanID)
	compareField(&d, "channel", want.Channel, got.Channel)
	d.keyValues("overridden", want.Overridden, got.Overridden)
	d.texts("redacted", want.Redacted, got.Redacted)
	compareList(&d, "marks", want.Marks, got.Marks)
	return errors.Join(d...)
}

// differences collects the fields that differ.
type differences []error

func (d *differences) add(field string, want, got any) {
	*d = append(*d, fmt.Errorf("%s: want %s, got %s", field, show(want), show(got)))
}

func compareField[T comparable](d *differences, field string, want, got T) {
	if want != got {
		d.add(field, want, got)
	}
}

func compareList[T comparable](d *differences, field string, want, got []T) {
	if !slices.Equal(want, got) {
		d.add(field, want, got)
	}
}

func (d *differences) time(field string, want, got time.Time) {
	if !want.Equal(got) {
		d.add(field, want, got)
	}
}

func (d *differences) texts(field string, want, got []string) {
	compareList(d, field, want, got)
}

func (d *differences) actor(field string, want, got *audit.Actor) {
	if want == nil || got == nil {
		if want != got {
			d.add(field, want, got)
		}
		return
	}
	compareField(d, field+".type", want.Type, got.Type)
	compareField(d, field+".id", want.ID, got.ID)
	compareField(d, field+".name", want.Name, got.Name)
	compareField(d, field+".auth_method", want.AuthMethod, got.AuthMethod)
	compareField(d, field+".session_id", want.SessionID, got.SessionID)
	d.texts(field+".roles", want.Roles, got.Roles)
	d.actor(field+".on_behalf_of", want.OnBehalfOf, got.OnBehalfOf)
}

func (d *differences) changes(want, got []audit.Change) {
	if len(want) != len(got) {
		d.add("changes", len(want), len(got))
		return
	}
	for i := range want {
		field := "changes[" + strconv.Itoa(i) + "]"
		compareField(d, field+".field", want[i].Field, got[i].Field)
		d.value(field+".old", want[i].Old, got[i].Old)
		d.value(field+".new", want[i].New, got[i].New)
		compareField(d, field+".redacted", want[i].Redacted, got[i].Redacted)
	}
}

func (d *differences) keyValues(field string, want, got []attribute.KeyValue) {
	if !slices.EqualFunc(want, got, func(a, b attribute.KeyValue) bool { return a.Key == b.Key }) {
		d.add(field, want, got)
		return
	}
	for i := range want {
		d.value(field+"."+string(want[i].Key), want[i].Value, got[i].Value)
	}
}

func (d *differences) value(field string, want, got attribute.Value) {
	if !sameValue(want, got) {
		d.add(field, want, got)
	}
}

func sameValue(a, b attribute.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case attribute.FLOAT64:
		return sameFloat(a.AsFloat64(), b.AsFloat64())
	case attribute.FLOAT64SLICE:
		return slices.EqualFunc(a.AsFloat64Slice(), b.AsFloat64Slice(), sameFloat)
	case attribute.SLICE:
		return slices.EqualFunc(a.AsSlice(), b.AsSlice(), sameValue)
	case attribute.MAP:
		return slices.EqualFunc(a.AsMap(), b.AsMap(), func(a, b attribute.KeyValue) bool {
			return a.Key == b.Key && sameValue(a.Value, b.Value)
		})
	default:
		return a == b
	}
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// show formats v, with the type of an attribute value, and cuts long texts.
func show(v any) string {
	text := fmt.Sprintf("%+v", v)
	switch v := v.(type) {
	case attribute.Value:
		text = v.Type().String() + " " + strconv.Quote(v.String())
	case string:
		text = strconv.Quote(v)
	case []string:
		text = fmt.Sprintf("%q", v)
	}
	const maxLength = 300
	if len(text) > maxLength {
		text = fmt.Sprintf("%.*s... (%d bytes)", maxLength, text, len(text))
	}
	return text
}
