package auditmongo

import (
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// ChangedFieldsKey lists the tracked fields that a command changed without saying to
// what, as $inc does.
const ChangedFieldsKey = attribute.Key("db.mongodb.changed_fields")

// answer is what the server said of a write.
type answer struct {
	written      bool // a document was inserted, matched or removed
	acknowledged bool
	confirmed    bool // the write concern was met
	inserted     bool // an update made the document
	id           string
	hasID        bool
}

// readAnswer reads the reply to a command that has succeeded.
func readAnswer(command string, reply bson.Raw) answer {
	var a answer
	if reply.Validate() != nil {
		return a
	}
	_, err := reply.LookupErr("writeConcernError")
	a.confirmed = err != nil
	if command == commandFindAndModify || command == commandFindModify {
		a.readFindAndModify(reply)
		return a
	}
	n, ok := reply.Lookup("n").AsInt64OK()
	a.acknowledged, a.written = ok, n > 0
	if upserted, ok := reply.Lookup("upserted").ArrayOK(); ok {
		values, err := upserted.Values()
		if err == nil && len(values) > 0 {
			if first, ok := values[0].DocumentOK(); ok {
				a.readInserted(first.Lookup("_id"))
			}
		}
	}
	return a
}

func (a *answer) readFindAndModify(reply bson.Raw) {
	value, found := reply.Lookup("value").DocumentOK()
	status, ok := reply.Lookup("lastErrorObject").DocumentOK()
	a.acknowledged = ok || found
	n, _ := status.Lookup("n").AsInt64OK()
	a.written = found || n > 0
	if found {
		a.id, a.hasID = idText(value.Lookup("_id"))
	}
	if id, err := status.LookupErr("upserted"); err == nil {
		a.readInserted(id)
	}
}

func (a *answer) readInserted(id bson.RawValue) {
	a.inserted, a.written = true, true
	a.id, a.hasID = idText(id)
}

// event returns the signal of a write that was answered. Where there is none, the
// reason says why, if something may have been written all the same.
func (w *write) event(reply bson.Raw) (e audit.Event, reason string, ok bool) {
	a := readAnswer(w.command, reply)
	switch {
	case !a.acknowledged:
		return e, noAcknowledgment, false
	case !a.written:
		return e, "", false
	case w.untracked != "":
		return e, w.untracked, false
	}
	id, operation, changed := w.id, w.operation, w.changes.list
	if a.inserted {
		operation = audit.OperationCreate
		changed = slices.Concat(changed, w.inserted.list)
	}
	switch {
	case a.hasID && (a.inserted || !w.hasID):
		id = a.id
	case !w.hasID:
		return e, noID, false
	}
	e = audit.Event{
		Kind:      audit.KindSignal,
		Action:    actionOf(w.collection.targetType, operation),
		Operation: operation,
		Target:    audit.Target{Type: w.collection.targetType, ID: id},
		Changes:   changed,
		Metadata: []attribute.KeyValue{
			semconv.DBSystemNameKey.String("mongodb"),
			semconv.DBNamespaceKey.String(w.database),
			semconv.DBCollectionNameKey.String(w.collection.name),
			semconv.DBOperationNameKey.String(w.command),
		},
	}
	if a.confirmed {
		e.Outcome = audit.OutcomeSuccess
	}
	if len(w.unknown) > 0 {
		e.Metadata = append(e.Metadata, ChangedFieldsKey.StringSlice(w.unknown))
	}
	return e, "", true
}
