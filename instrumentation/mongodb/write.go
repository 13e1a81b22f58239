package auditmongo

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Reasons why a write raises no signal although it may have changed something, for the log.
const (
	reasonSeveralDocuments = "the command may write several documents"
	reasonNoID             = "neither the command nor the reply has the _id of the document"
	reasonUnacknowledged   = "the write is unacknowledged"
	reasonUnknownForm      = "the command has an unknown form"
)

// write is what a command writes to a collection.
type write struct {
	collection        *collection
	database, command string

	operation     audit.Operation
	id            objectID
	changes       changes
	insertChanges changes  // additional changes if the write inserts the document
	changedFields []string // tracked fields whose new value is not in the command
	untracked     string   // why the write raises no signal, or empty

	transaction transaction // zero outside of one
}

// Names of commands.
const (
	commandInsert        = "insert"
	commandUpdate        = "update"
	commandDelete        = "delete"
	commandFindAndModify = "findAndModify"
	commandFindModify    = "findandmodify" // an alias that servers accept
	commandBulkWrite     = "bulkWrite"
	commandCommit        = "commitTransaction"
	commandAbort         = "abortTransaction"
)

// newWrite reads a command. It does not retain the command's memory.
func newWrite(c *collection, database, name string, command bson.Raw) *write {
	w := &write{collection: c, database: database, command: name}
	if command.Validate() != nil {
		w.untracked = reasonUnknownForm
		return w
	}
	w.transaction = transactionOf(command)
	switch name {
	case commandInsert:
		w.readInsert(command)
	case commandUpdate:
		w.readUpdate(command)
	case commandDelete:
		w.readDelete(command)
	default:
		w.readFindAndModify(command)
	}
	return w
}

func (w *write) readInsert(command bson.Raw) {
	w.operation = audit.OperationCreate
	document, ok := w.singleDocument(command, "documents")
	if !ok {
		return
	}
	if id, err := document.LookupErr("_id"); err == nil {
		w.id = w.collection.ids.idText(id)
	}
	w.changes.addDocument("", w.collection.fields, 0, document)
}

func (w *write) readUpdate(command bson.Raw) {
	w.operation = audit.OperationUpdate
	statement, ok := w.singleDocument(command, "updates")
	if !ok {
		return
	}
	if isTrue(statement.Lookup("multi")) {
		w.untracked = reasonSeveralDocuments
		return
	}
	w.readFilter(statement.Lookup("q"))
	w.readNewValues(statement.Lookup("u"))
}

func (w *write) readDelete(command bson.Raw) {
	w.operation = audit.OperationDelete
	statement, ok := w.singleDocument(command, "deletes")
	if !ok {
		return
	}
	if limit, _ := statement.Lookup("limit").AsInt64OK(); limit != 1 {
		w.untracked = reasonSeveralDocuments
		return
	}
	w.readFilter(statement.Lookup("q"))
}

func (w *write) readFindAndModify(command bson.Raw) {
	w.readFilter(command.Lookup("query"))
	if isTrue(command.Lookup("remove")) {
		w.operation = audit.OperationDelete
		return
	}
	w.operation = audit.OperationUpdate
	w.readNewValues(command.Lookup("update"))
}

// singleDocument returns the only document of a list. If it reports false, w.untracked says
// why.
func (w *write) singleDocument(command bson.Raw, list string) (bson.Raw, bool) {
	array, ok := command.Lookup(list).ArrayOK()
	if !ok {
		w.untracked = reasonUnknownForm
		return nil, false
	}
	values, err := array.Values()
	if err != nil || len(values) != 1 {
		w.untracked = reasonSeveralDocuments
		return nil, false
	}
	document, ok := values[0].DocumentOK()
	if !ok {
		w.untracked = reasonUnknownForm
	}
	return document, ok
}

func (w *write) readFilter(v bson.RawValue) {
	if filter, ok := v.DocumentOK(); ok {
		w.id = w.collection.ids.idOf(filter)
	}
}

// readNewValues reads a replacement or update operators. It ignores a pipeline.
func (w *write) readNewValues(v bson.RawValue) {
	document, ok := v.DocumentOK()
	if !ok {
		return
	}
	if first, err := document.IndexErr(0); err == nil && !strings.HasPrefix(first.Key(), "$") {
		w.changes.addDocument("", w.collection.fields, 0, document)
		return
	}
	forEach(document, func(operator string, v bson.RawValue) {
		if fields, ok := v.DocumentOK(); ok {
			w.readOperator(operator, fields)
		}
	})
	slices.Sort(w.changedFields)
	w.changedFields = slices.Compact(w.changedFields)
}

func (w *write) readOperator(operator string, fields bson.Raw) {
	forEach(fields, func(path string, v bson.RawValue) {
		switch operator {
		case "$set":
			f, rule := w.collection.fields.find(path)
			w.changes.addValue(path, f, rule, v)
		case "$setOnInsert":
			f, rule := w.collection.fields.find(path)
			w.insertChanges.addValue(path, f, rule, v)
		case "$unset":
			w.changes.addRemoved(path, w.collection.fields)
		case "$rename":
			w.changes.addRemoved(path, w.collection.fields)
			if to, ok := v.StringValueOK(); ok {
				w.addChangedField(to)
			}
		default:
			w.addChangedField(path)
		}
	})
}

// addChangedField adds a tracked field whose new value is not in the command.
func (w *write) addChangedField(path string) {
	f, rule := w.collection.fields.find(path)
	if (rule != 0 || f != nil && len(f.children) > 0) && len(w.changedFields) < maxChanges {
		w.changedFields = append(w.changedFields, path)
	}
}

func isTrue(v bson.RawValue) bool {
	value, ok := v.BooleanOK()
	return ok && value
}
