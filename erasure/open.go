package erasure

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Opening is a value that was erasable, with what proves it: whoever has the record can check
// it against the commitment there.
type Opening struct {
	// Commitment is that of the record.
	Commitment Digest
	// Salt is the key of the commitment.
	Salt Digest
	// Value is the canonical JSON of the value, as it would be in a record.
	Value []byte
}

// matches reports whether the opening proves its value at a place.
func (o *Opening) matches(at place) bool { return commit(o.Salt, at, o.Value) == o.Commitment }

// Attribute returns the value.
func (o *Opening) Attribute() (attribute.Value, error) {
	r := canonical.NewReader(string(o.Value))
	v := r.Value()
	r.End()
	if _, reason := r.Failure(); reason != "" {
		return attribute.Value{}, fmt.Errorf("erasure: the value is no JSON of a record: %s", reason)
	}
	return v, nil
}

// Values returns the erasable values of a record with their fields, such as
// "metadata.customer.email", "changes.email.old" or "actor.name". Elements of a list have the
// field of the list, so a field may come more than once. A text that only looks like one, since
// Record.Redacted does not have its path, is left out.
func Values(r *record.Record) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		w := walk{yield: yield, redacted: r.Redacted}
		for a, depth := &r.Actor, 0; a != nil; a, depth = a.OnBehalfOf, depth+1 {
			path := sanitize.ActorPath(depth, "name")
			w.text(path, path, a.Name)
		}
		w.text("target.name", "target.name", r.Target.Name)
		for i := range r.Covers {
			path := "covers[" + strconv.Itoa(i) + "].name"
			w.text(path, path, r.Covers[i].Name)
		}
		w.text("reason", "reason", r.Reason)
		w.text("failure", "failure", r.Failure)
		for i := range r.Changes {
			path, field := sanitize.FieldPath("changes", r.Changes[i].Field), "changes."+r.Changes[i].Field
			w.value(path, field+".old", r.Changes[i].Old)
			w.value(path, field+".new", r.Changes[i].New)
		}
		w.attributes("metadata", "metadata", r.Metadata)
		w.attributes("overridden", "overridden", r.Overridden)
	}
}

// walk looks for erasable values.
type walk struct {
	yield    func(string, Value) bool
	redacted []string
	over     bool
}

func (w *walk) text(path, field, text string) {
	if w.over || !record.IsErasable(text) || !w.isRedacted(path) {
		return
	}
	if v, err := ParseValue(text); err == nil {
		w.over = !w.yield(field, v)
	}
}

func (w *walk) isRedacted(path string) bool {
	_, found := slices.BinarySearch(w.redacted, path)
	return found
}

func (w *walk) value(path, field string, v attribute.Value) {
	switch v.Type() {
	case attribute.STRING:
		w.text(path, field, v.AsString())
	case attribute.STRINGSLICE:
		for _, text := range v.AsStringSlice() {
			w.text(path, field, text)
		}
	case attribute.SLICE:
		for _, element := range v.AsSlice() {
			w.value(path, field, element)
		}
	case attribute.MAP:
		w.attributes(path, field, v.AsMap())
	default:
	}
}

func (w *walk) attributes(path, field string, kvs []attribute.KeyValue) {
	for i := range kvs {
		key := string(kvs[i].Key)
		w.value(sanitize.FieldPath(path, key), field+"."+key, kvs[i].Value)
	}
}

// Open returns what the values of a field say, in the order of Values. If the field has none,
// the error matches ErrNotErasable. Of a value whose key was destroyed, the error is an
// *ErasedError, and of one that was changed or moved, it matches ErrNotGenuine.
func Open(ctx context.Context, keys KeyStore, r *record.Record, field string) ([]Opening, error) {
	var openings []Opening
	for at, v := range Values(r) {
		if at != field {
			continue
		}
		k, err := keys.Find(ctx, v.Key)
		if err != nil {
			return nil, err
		}
		o, err := open(k, place{r.ID, field}, v)
		if err != nil {
			return nil, err
		}
		openings = append(openings, o)
	}
	if len(openings) == 0 {
		return nil, ErrNotErasable
	}
	return openings, nil
}

// HasKey returns a function that reports whether a record has a value under the key.
func HasKey(id KeyID) func(*record.Record) bool {
	return func(r *record.Record) bool {
		for _, v := range Values(r) {
			if v.Key == id {
				return true
			}
		}
		return false
	}
}
