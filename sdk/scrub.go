package sdk

import (
	"slices"
	"strconv"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// scrubber cleans the texts of a record, marks what it changed, and adds up their size.
type scrubber struct {
	record *record.Record
	size   int // bytes of the texts and values
}

// name cleans a text of one line and cuts it to record.MaxNameLength.
func (s *scrubber) name(field string, text *string) {
	s.size += len(*text)
	if len(*text) <= record.MaxNameLength && sanitize.Plain(*text) {
		return
	}
	clean := sanitize.Replace(*text, sanitize.IsControl)
	if len(clean) > record.MaxNameLength {
		clean = sanitize.Cut(clean, record.MaxNameLength)
	}
	if clean != *text {
		s.size += len(clean) - len(*text)
		kind := record.MarkEscaped
		if len(*text) > record.MaxNameLength {
			kind = record.MarkCut
		}
		*text = clean
		s.record.AddMark(record.Mark{Path: field, Kind: kind})
	}
}

// prose cleans a text that may have several lines.
func (s *scrubber) prose(field string, text *string) {
	s.size += len(*text)
	if clean := sanitize.Prose(*text); clean != *text {
		*text = clean
		s.record.AddMark(record.Mark{Path: field, Kind: record.MarkEscaped})
	}
}

// metadata cleans metadata. It also sorts them by key, because a processor may have added
// some.
func (s *scrubber) metadata(parent string, kvs []attribute.KeyValue) error {
	size := s.size
	for i := range kvs {
		kv := &kvs[i]
		if i > 0 && !sorted.Less(kvs[i-1].Key, kv.Key) {
			if kv.Key == kvs[i-1].Key {
				return errDuplicateKey(parent, string(kv.Key))
			}
			slices.SortFunc(kvs, sorted.CompareKeys)
			s.size = size // start again
			return s.metadata(parent, kvs)
		}
		if !record.ValidKey(string(kv.Key)) {
			return errBadKey(parent, string(kv.Key))
		}
		s.size += len(kv.Key)
		if kv.Value.Type() == attribute.STRING {
			if text := kv.Value.AsString(); sanitize.Plain(text) {
				s.size += len(text) // the usual case
				continue
			}
		}
		if err := s.value(parent, string(kv.Key), &kv.Value); err != nil {
			return err
		}
	}
	return nil
}

// value cleans the texts in v. It may be shared: slices in it are not changed in place.
func (s *scrubber) value(parent, key string, v *attribute.Value) error {
	if v.Type() == attribute.STRING {
		text := v.AsString()
		s.size += len(text)
		if clean := sanitize.Prose(text); clean != text {
			*v = attribute.StringValue(clean)
			s.record.AddMark(record.Mark{Path: sanitize.FieldPath(parent, key), Kind: record.MarkEscaped})
		}
		return nil
	}
	clean, changed, err := s.compound(*v, 0)
	if err != nil {
		return invalid(sanitize.FieldPath(parent, key), err.Error())
	}
	if changed {
		*v = clean
		s.record.AddMark(record.Mark{Path: sanitize.FieldPath(parent, key), Kind: record.MarkEscaped})
	}
	return nil
}

type nestingError string

func (e nestingError) Error() string { return string(e) }

const (
	errTooDeep   = nestingError("its values are nested too deeply")
	errNestedKey = nestingError("a key in it is empty, too long, duplicate or not plain text")
)

// compound cleans a value of any type at the given depth of nesting.
func (s *scrubber) compound(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	if depth > record.MaxNesting {
		return v, false, errTooDeep
	}
	switch v.Type() {
	case attribute.STRING:
		text := v.AsString()
		s.size += len(text)
		if clean := sanitize.Prose(text); clean != text {
			return attribute.StringValue(clean), true, nil
		}
		return v, false, nil
	case attribute.STRINGSLICE:
		clean, changed = s.texts(v)
		return clean, changed, nil
	case attribute.SLICE:
		return s.slice(v, depth)
	case attribute.MAP:
		return s.mapping(v, depth)
	case attribute.BYTESLICE:
		s.size += len(v.AsByteSlice())
	case attribute.BOOLSLICE:
		s.size += len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		s.size += 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		s.size += 8 * len(v.AsFloat64Slice())
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		s.size += 8
	case attribute.EMPTY:
	}
	return v, false, nil
}

func (s *scrubber) texts(v attribute.Value) (clean attribute.Value, changed bool) {
	texts := v.AsStringSlice()
	for i, text := range texts {
		s.size += len(text)
		texts[i] = sanitize.Prose(text)
		changed = changed || texts[i] != text
	}
	if changed {
		v = attribute.StringSliceValue(texts)
	}
	return v, changed
}

func (s *scrubber) slice(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	values := v.AsSlice()
	for i := range values {
		c, ch, err := s.compound(values[i], depth+1)
		if err != nil {
			return v, false, err
		}
		values[i] = c
		changed = changed || ch
	}
	if changed {
		v = attribute.SliceValue(values...)
	}
	return v, changed, nil
}

func (s *scrubber) mapping(v attribute.Value, depth int) (clean attribute.Value, changed bool, err error) {
	kvs := v.AsMap() // sorted
	for i := range kvs {
		if i > 0 && kvs[i].Key == kvs[i-1].Key || !record.ValidKey(string(kvs[i].Key)) {
			return v, false, errNestedKey
		}
		s.size += len(kvs[i].Key)
		c, ch, err := s.compound(kvs[i].Value, depth+1)
		if err != nil {
			return v, false, err
		}
		kvs[i].Value = c
		changed = changed || ch
	}
	if changed {
		v = attribute.MapValue(kvs...)
	}
	return v, changed, nil
}

func errBadKey(parent, key string) error {
	return invalid(sanitize.FieldPath(parent, key), "the key must have 1 to "+strconv.Itoa(record.MaxKeyLength)+" bytes and "+notPlain)
}
