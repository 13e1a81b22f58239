// Package scopedata has what the events of a scope have in common, apart from their actor.
package scopedata

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Data is what the events of a scope have in common. Its slices are shared by scopes and
// records: they are sorted, and replaced instead of changed.
type Data struct {
	Channel, Tenant string
	Metadata        []attribute.KeyValue
	Overridden      []attribute.KeyValue // values of Metadata that were replaced
	Marks           []mark.Mark
}

// Apply removes keys, and then adds what is set in added, whose slices need no order.
// Metadata replaces values of the same key.
func (d *Data) Apply(without []attribute.Key, added *Data) {
	if added.Channel != "" {
		d.Channel = added.Channel
	}
	if added.Tenant != "" {
		d.Tenant = added.Tenant
	}
	if len(without) > 0 {
		d.remove(without)
	}
	if len(added.Metadata) > 0 {
		d.Metadata, d.Overridden = sorted.Merge(d.Metadata, d.Overridden, added.Metadata)
	}
	d.Marks = mark.Merge(d.Marks, added.Marks)
}

func (d *Data) remove(keys []attribute.Key) {
	listed := func(kv attribute.KeyValue) bool { return slices.Contains(keys, kv.Key) }
	d.Metadata = slices.DeleteFunc(slices.Clone(d.Metadata), listed)
	d.Overridden = slices.DeleteFunc(slices.Clone(d.Overridden), listed)
	d.Marks = slices.DeleteFunc(slices.Clone(d.Marks), func(m mark.Mark) bool {
		_, key, _ := strings.Cut(m.Path, ".")
		return slices.Contains(keys, attribute.Key(key))
	})
}

// Sorted returns data that was made by hand with its slices in order.
func (d Data) Sorted() Data {
	overridden, _ := sorted.Merge(nil, nil, d.Overridden)
	d.Metadata, d.Overridden = sorted.Merge(nil, overridden, d.Metadata)
	d.Marks = mark.Merge(nil, d.Marks)
	return d
}

// Shares reports whether d and other were copied from each other and have not changed since.
func (d *Data) Shares(other *Data) bool {
	return d.Channel == other.Channel && d.Tenant == other.Tenant &&
		same(d.Metadata, other.Metadata) && same(d.Overridden, other.Overridden) && same(d.Marks, other.Marks)
}

// same reports whether two slices that are never changed are the same one.
func same[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
