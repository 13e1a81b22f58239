package auditmongo

import (
	"errors"
	"fmt"
	"sync"

	"github.com/opendeed/audit"
)

// Collection opts a collection in.
type Collection struct {
	// Database is the name of its database. Empty means any database; an entry that
	// names the database goes before one that does not.
	Database string
	// Name is the name of the collection.
	Name string
	// TargetType is the type of the signals' target, and the first word of their
	// action: "article" makes "article.create", "article.update" and "article.delete".
	TargetType string
	// Fields are the fields whose new values are recorded, by their path, such as
	// "title" or "author.email". A rule holds for all that is below its path, unless
	// that has a stricter one. Elements of an array have the path of the array, and a
	// name with dots is matched as if it were nested.
	// Nothing else is recorded.
	Fields map[string]audit.FieldRule
}

// collection is a Collection that was checked.
type collection struct {
	database, name string
	targetType     string
	fields         *field
	counters       counters
	logUntracked   sync.Once
}

// The operations that a signal can have.
var operations = [...]audit.Operation{audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete}

func newCollections(opted []Collection) ([]*collection, error) {
	if len(opted) == 0 {
		return nil, errors.New("no collection is opted in")
	}
	type key struct{ database, name string }
	seen := make(map[key]bool, len(opted))
	collections := make([]*collection, 0, len(opted))
	var errs []error
	for i, o := range opted {
		c, err := newCollection(o)
		if k := (key{o.Database, o.Name}); seen[k] {
			err = errors.Join(err, errors.New("it is opted in twice"))
		} else {
			seen[k] = true
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("collection %d, %q: %w", i, o.Name, err))
		}
		collections = append(collections, c)
	}
	return collections, errors.Join(errs...)
}

func newCollection(o Collection) (*collection, error) {
	var errs []error
	if o.Name == "" {
		errs = append(errs, errors.New("its Name is missing"))
	}
	for _, op := range operations {
		if action := actionOf(o.TargetType, op); !audit.ValidAction(audit.NormalizeAction(action)) {
			errs = append(errs, fmt.Errorf("TargetType %q makes the action %q, which is not valid: use a word such as \"article\"", o.TargetType, action))
			break
		}
	}
	fields, err := newFields(o.Fields)
	errs = append(errs, err)
	return &collection{
		database: o.Database, name: o.Name, targetType: o.TargetType, fields: fields,
	}, errors.Join(errs...)
}

func actionOf(targetType string, op audit.Operation) string { return targetType + "." + op.String() }
