package history

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// MixedError reports that the records are about several objects with the same type and ID,
// in several tenants or namespaces.
type MixedError struct {
	// Field is what distinguishes them: "tenant" or the key of metadata.
	Field string
}

// Error says how to choose one of the objects.
func (e *MixedError) Error() string {
	return "history: the records are about several objects, which differ in " + e.Field + "; narrow the filter"
}

// Of returns the versions of an object, oldest first: one for each record about the target,
// or that covers it. The target needs a type and an ID. within narrows the records, such as
// to a tenant; its fields Targets, Ascending, After and Limit must be empty. With other
// conditions the history has gaps that are not real.
//
// The sequence holds the fields of the object in memory, at most MaxFields, and one record.
// If a part of the store cannot be read, it yields the error and continues. If the records
// are about several objects, it ends with a *[MixedError].
func Of(ctx context.Context, reader query.Reader, target audit.Target, within query.Filter) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		newTracker(target).run(ctx, reader, within, yield)
	}
}

// AsOf returns the object at a time: what the records up to then say about it, and, for
// fields that they do not name, the value from which a later record changed them. See Of
// for the parameters.
//
// If a part of the store could not be read, or the records are about several objects, both
// results are not nil: the state may be wrong. If the filter is invalid, the state is nil.
func AsOf(ctx context.Context, reader query.Reader, target audit.Target, at time.Time, within query.Filter) (*State, error) {
	t := newTracker(target)
	if _, err := t.filter(within); err != nil {
		return nil, err
	}
	var past *past
	t.observe = func(r *record.Record) {
		if past == nil && r.Time.After(at) {
			past = newPast(t.state())
		}
	}
	var errs []error
	t.run(ctx, reader, within, func(v *Version, err error) bool {
		if err != nil && len(errs) < maxErrors {
			errs = append(errs, err)
		}
		return err != nil || past == nil || past.learn(v)
	})
	if past == nil {
		past = newPast(t.state())
	}
	return past.sorted(), errors.Join(errs...)
}

// Changes returns the changes of a record, as far as its values are known, and the fields of
// which it has the name only.
func Changes(r *record.Record) []Change {
	var changes []Change
	for i := range r.Changes {
		before, after := sides(r, &r.Changes[i])
		changes = append(changes, Change{Field: r.Changes[i].Field, Old: before, New: after})
	}
	if names := metadataOf(r, semconv.MongoDBChangedFieldsKey); names.Type() == attribute.STRINGSLICE {
		for _, name := range names.AsStringSlice() {
			changes = append(changes, Change{Field: name})
		}
	}
	return changes
}

// maxErrors is how many errors AsOf returns.
const maxErrors = 16

// tracker follows an object.
type tracker struct {
	target  audit.Target
	fields  map[string]Field
	now     State                  // without fields
	begun   bool                   // a record had an effect
	observe func(r *record.Record) // is called before each record takes effect, if not nil

	tenant, namespace string
	named             bool // namespace is known
}

func newTracker(target audit.Target) *tracker {
	return &tracker{target: target, fields: map[string]Field{}}
}

// filter returns the filter for the records of the object.
func (t *tracker) filter(f query.Filter) (query.Filter, error) {
	switch {
	case t.target.Type == "" || t.target.ID == "":
		return f, &query.FilterError{Field: "Targets", Reason: "a history is of a target with a type and an ID"}
	case len(f.Targets) > 0 || f.Ascending || f.After != "" || f.Limit != 0:
		return f, &query.FilterError{Field: "Targets", Reason: "it must be empty in a history, and so must Ascending, After and Limit"}
	}
	f.Targets, f.Ascending = []audit.Target{{Type: t.target.Type, ID: t.target.ID}}, true
	err := f.Validate()
	return f, err
}

func (t *tracker) run(ctx context.Context, reader query.Reader, within query.Filter, yield func(*Version, error) bool) {
	f, err := t.filter(within)
	if err != nil {
		yield(nil, err)
		return
	}
	itself, err := query.NewMatcher(query.Filter{Targets: f.Targets})
	if err != nil {
		yield(nil, err)
		return
	}
	for r, err := range reader.Find(ctx, f) {
		if err != nil {
			if !yield(nil, err) {
				return
			}
			continue
		}
		only := *r
		only.Covers = nil
		covered := !itself.Matches(&only)
		if err := t.checkObject(r, covered); err != nil {
			yield(nil, err)
			return
		}
		if t.observe != nil {
			t.observe(r)
		}
		if !yield(t.apply(r, covered), nil) {
			return
		}
	}
}

// checkObject returns an error if the record is about another object than those before. A
// record without a tenant, and one that only covers the object, does not say.
func (t *tracker) checkObject(r *record.Record, covered bool) error {
	if t.tenant == "" {
		t.tenant = r.Tenant
	}
	if r.Tenant != "" && r.Tenant != t.tenant {
		return &MixedError{"tenant"}
	}
	if covered {
		return nil
	}
	namespace := metadataOf(r, semconv.TargetNamespaceKey).String()
	if !t.named {
		t.namespace, t.named = namespace, true
	}
	if namespace != t.namespace {
		return &MixedError{"metadata " + string(semconv.TargetNamespaceKey)}
	}
	return nil
}

// metadataOf returns the value of a key, of type EMPTY if there is none.
func metadataOf(r *record.Record, key attribute.Key) attribute.Value {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return kv.Value
		}
	}
	return attribute.Value{}
}

// state returns the current state. Its fields are not sorted.
func (t *tracker) state() *State {
	s := t.now
	for _, f := range t.fields {
		s.Fields = append(s.Fields, f)
	}
	return &s
}

// apply makes a version of a record and follows its effect.
func (t *tracker) apply(r *record.Record, covered bool) *Version {
	t.now.Versions++
	t.now.Last = sourceOf(r)
	v := &Version{Number: t.now.Versions, Record: r, Effect: effectOf(r, covered)}
	if !covered {
		v.Changes = Changes(r)
	}
	if v.Effect == None {
		return v
	}
	v.Gaps = t.gaps(v)
	t.begun = true
	switch v.Effect {
	case Created:
		clear(t.fields)
		t.now.Exists, t.now.Complete, t.now.Omitted = Present, len(v.Changes) > 0, 0
	case Deleted:
		t.compare(v)
		clear(t.fields)
		t.now.Exists, t.now.Complete, t.now.Omitted = Gone, true, 0
		return v
	case Changed:
		if t.now.Exists != Present {
			t.now.Exists, t.now.Complete = Present, false
		}
		t.compare(v)
	default:
		t.doubt(v)
		return v
	}
	if slices.Contains(v.Gaps, Unlisted) {
		t.doubtAll()
	}
	for _, c := range v.Changes {
		t.set(Field{Name: c.Field, Value: c.New, Source: t.now.Last})
	}
	return v
}

func (t *tracker) gaps(v *Version) []Gap {
	var gaps []Gap
	switch {
	case !t.begun && v.Effect != Created:
		gaps = append(gaps, Earlier)
	case t.now.Exists == Gone && (v.Effect == Changed || v.Effect == Deleted):
		gaps = append(gaps, Reappeared)
	case t.now.Exists == Present && v.Effect == Created:
		gaps = append(gaps, Recreated)
	}
	if (v.Effect == Created || v.Effect == Changed) && isUnlisted(v) {
		gaps = append(gaps, Unlisted)
	}
	return gaps
}

// compare compares the old values of changes with those that the records led to.
func (t *tracker) compare(v *Version) {
	for i := range v.Changes {
		c := &v.Changes[i]
		if f, ok := t.fields[c.Field]; ok && !f.Doubtful && f.Value.contradicts(c.Old) {
			c.Unrecorded, c.Expected = true, f.Value
		}
	}
}

// doubt follows a version that is uncertain. If it lists changes, no other field is in doubt.
func (t *tracker) doubt(v *Version) {
	operation := v.Record.Operation
	if operation == audit.OperationDelete || operation == audit.OperationCreate && t.now.Exists != Present {
		t.now.Exists = Unrecorded
	}
	if len(v.Changes) == 0 || operation == audit.OperationDelete || isUnlisted(v) {
		t.doubtAll()
	}
	for _, c := range v.Changes {
		f, ok := t.fields[c.Field]
		if !ok {
			f = Field{Name: c.Field, Value: c.Old, Source: t.now.Last}
		}
		f.Doubtful = true
		t.set(f)
	}
}

// doubtAll marks all fields as doubtful, because a record does not say whether they changed.
func (t *tracker) doubtAll() {
	t.now.Complete = false
	for name, f := range t.fields {
		f.Doubtful = true
		t.fields[name] = f
	}
}

// set sets a field, unless there are too many.
func (t *tracker) set(f Field) {
	if _, ok := t.fields[f.Name]; !ok && len(t.fields) >= MaxFields {
		t.now.Omitted++
		t.now.Complete = false
		return
	}
	t.fields[f.Name] = f
}
