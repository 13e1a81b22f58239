package auditmongo

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Why a write raises no signal though it may have changed something, for the log.
const (
	severalDocuments = "it writes several documents, or any that match"
	noID             = "neither the command nor the answer says which document it is"
	noAcknowledgment = "the server was not asked to acknowledge it"
	notUnderstood    = "the command is of a form that is not known"
)

// write is what a command is about to do in a collection.
type write struct {
	collection        *collection
	database, command string

	operation audit.Operation
	id        string // of the document, if hasID
	hasID     bool
	changes   changes
	inserted  changes  // besides, if the document was not there
	unknown   []string // fields that were changed to what is not known
	untracked string   // why it raises no signal, or empty

	transaction transaction // zero outside of one
}

// The names of the commands, as servers take them.
const (
	commandInsert        = "insert"
	commandUpdate        = "update"
	commandDelete        = "delete"
	commandFindAndModify = "findAndModify"
	commandFindModify    = "findandmodify" // the same
	commandBulkWrite     = "bulkWrite"
	commandCommit        = "commitTransaction"
	commandAbort         = "abortTransaction"
)

// newWrite reads a command. It keeps nothing of the command's memory.
func newWrite(c *collection, database, name string, command bson.Raw) *write {
	w := &write{collection: c, database: database, command: name}
	if command.Validate() != nil {
		w.untracked = notUnderstood
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
	document, ok := w.only(command, "documents")
	if !ok {
		return
	}
	if id, err := document.LookupErr("_id"); err == nil {
		w.id, w.hasID = idText(id)
	}
	w.changes.document("", w.collection.fields, 0, document)
}

func (w *write) readUpdate(command bson.Raw) {
	w.operation = audit.OperationUpdate
	statement, ok := w.only(command, "updates")
	if !ok {
		return
	}
	if isTrue(statement.Lookup("multi")) {
		w.untracked = severalDocuments
		return
	}
	w.readFilter(statement.Lookup("q"))
	w.readNewValues(statement.Lookup("u"))
}

func (w *write) readDelete(command bson.Raw) {
	w.operation = audit.OperationDelete
	statement, ok := w.only(command, "deletes")
	if !ok {
		return
	}
	if limit, _ := statement.Lookup("limit").AsInt64OK(); limit != 1 {
		w.untracked = severalDocuments
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

// only returns the one document of a list, or says that there are several.
func (w *write) only(command bson.Raw, list string) (bson.Raw, bool) {
	array, ok := command.Lookup(list).ArrayOK()
	if !ok {
		w.untracked = notUnderstood
		return nil, false
	}
	values, err := array.Values()
	if err != nil || len(values) != 1 {
		w.untracked = severalDocuments
		return nil, false
	}
	document, ok := values[0].DocumentOK()
	if !ok {
		w.untracked = notUnderstood
	}
	return document, ok
}

func (w *write) readFilter(v bson.RawValue) {
	if filter, ok := v.DocumentOK(); ok {
		w.id, w.hasID = idOf(filter)
	}
}

// readNewValues reads a replacement, or what operators set. Of a pipeline nothing is
// known.
func (w *write) readNewValues(v bson.RawValue) {
	document, ok := v.DocumentOK()
	if !ok {
		return
	}
	if first, err := document.IndexErr(0); err == nil && !strings.HasPrefix(first.Key(), "$") {
		w.changes.document("", w.collection.fields, 0, document)
		return
	}
	forEach(document, func(operator string, v bson.RawValue) {
		if fields, ok := v.DocumentOK(); ok {
			w.readOperator(operator, fields)
		}
	})
	slices.Sort(w.unknown)
	w.unknown = slices.Compact(w.unknown)
}

func (w *write) readOperator(operator string, fields bson.Raw) {
	forEach(fields, func(path string, v bson.RawValue) {
		switch operator {
		case "$set":
			f, rule := w.collection.fields.find(path)
			w.changes.write(path, f, rule, v)
		case "$setOnInsert":
			f, rule := w.collection.fields.find(path)
			w.inserted.write(path, f, rule, v)
		case "$unset":
			w.changes.remove(path, w.collection.fields)
		case "$rename":
			w.changes.remove(path, w.collection.fields)
			if to, ok := v.StringValueOK(); ok {
				w.changedSomehow(to)
			}
		default:
			w.changedSomehow(path)
		}
	})
}

// changedSomehow notes that a field was changed to what the command does not say.
func (w *write) changedSomehow(path string) {
	f, rule := w.collection.fields.find(path)
	if (rule != 0 || f != nil && len(f.below) > 0) && len(w.unknown) < maxChanges {
		w.unknown = append(w.unknown, path)
	}
}

func isTrue(v bson.RawValue) bool {
	is, ok := v.BooleanOK()
	return ok && is
}
