package auditmongo

import (
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// reply is what the server's reply says about a write.
type reply struct {
	written        bool // a document was inserted, matched or removed
	acknowledged   bool
	writeConcernOK bool
	inserted       bool // the write inserted the document, as an upsert does
	id             bson.RawValue
}

// parseReply reads the reply to a command that succeeded.
func parseReply(command string, raw bson.Raw) reply {
	var r reply
	if raw.Validate() != nil {
		return r
	}
	_, err := raw.LookupErr("writeConcernError")
	r.writeConcernOK = err != nil
	if command == commandFindAndModify || command == commandFindModify {
		r.parseFindAndModify(raw)
		return r
	}
	n, ok := raw.Lookup("n").AsInt64OK()
	r.acknowledged, r.written = ok, n > 0
	if upserted, ok := raw.Lookup("upserted").ArrayOK(); ok {
		values, err := upserted.Values()
		if err == nil && len(values) > 0 {
			if first, ok := values[0].DocumentOK(); ok {
				r.setInserted(first.Lookup("_id"))
			}
		}
	}
	return r
}

func (r *reply) parseFindAndModify(raw bson.Raw) {
	value, found := raw.Lookup("value").DocumentOK()
	status, ok := raw.Lookup("lastErrorObject").DocumentOK()
	r.acknowledged = ok || found
	n, _ := status.Lookup("n").AsInt64OK()
	r.written = found || n > 0
	if found {
		r.id = value.Lookup("_id")
	}
	if id, err := status.LookupErr("upserted"); err == nil {
		r.setInserted(id)
	}
}

func (r *reply) setInserted(id bson.RawValue) {
	r.inserted, r.written = true, true
	r.id = id
}

// event returns the signal of a write that the server replied to. If ok is false, there
// is none; the reason is not empty if a document may have been written all the same.
func (w *write) event(raw bson.Raw) (e audit.Event, reason string, ok bool) {
	r := parseReply(w.command, raw)
	switch {
	case !r.acknowledged:
		return e, reasonUnacknowledged, false
	case !r.written:
		return e, "", false
	case w.untracked != "":
		return e, w.untracked, false
	}
	id, operation, changed := w.id, w.operation, w.changes.list
	if r.inserted {
		operation = audit.OperationCreate
		changed = slices.Concat(changed, w.insertChanges.list)
	}
	if r.inserted || !id.valid {
		if replied := w.collection.ids.idText(r.id); replied.valid {
			id = replied
		}
	}
	if !id.valid {
		return e, reasonNoID, false
	}
	e = audit.Event{
		Kind:      audit.KindSignal,
		Action:    actionOf(w.collection.targetType, operation),
		Operation: operation,
		Target:    audit.Target{Type: w.collection.targetType, ID: id.text},
		Changes:   changed,
		Metadata: []attribute.KeyValue{
			semconv.DBSystemNameKey.String("mongodb"),
			semconv.DBNamespaceKey.String(w.database),
			semconv.DBCollectionNameKey.String(w.collection.name),
			semconv.DBOperationNameKey.String(w.command),
		},
	}
	if r.writeConcernOK {
		e.Outcome = audit.OutcomeSuccess
	}
	if w.collection.namespaced {
		e.Metadata = append(e.Metadata, semconv.TargetNamespaceKey.String(w.database+"."+w.collection.name))
	}
	if id.ambiguous {
		e.Metadata = append(e.Metadata, semconv.TargetIDTypeKey.String("string"))
	}
	if len(w.changedFields) > 0 {
		e.Metadata = append(e.Metadata, semconv.MongoDBChangedFieldsKey.StringSlice(w.changedFields))
	}
	return e, "", true
}
