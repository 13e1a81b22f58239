package auditmongo

import (
	"errors"
	"fmt"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/record"
)

// Collection selects a collection whose writes raise signals.
type Collection struct {
	// Database is the name of the database. Empty means any database that no other
	// Collection of the same Name specifies. If signals of one document in several
	// databases could be covered by an intent, it covers those of one database.
	Database string
	// Name is the name of the collection. It is required.
	Name string
	// TargetType is the type of the signals' target and the first word of their action:
	// "article" yields "article.create", "article.update" and "article.delete". Use
	// lowercase letters, digits and underscores, with a letter first; these actions must
	// be valid after record.NormalizeAction. It is required.
	//
	// Collections of different things need different types. If several Collections have
	// the same type, it stands for the documents of the first one: signals of the others
	// have the metadata semconv.TargetNamespaceKey, such as "archive.orders", and are
	// covered only by intents with the same.
	TargetType string
	// IDs is the type of the documents' _id. If it is given, an _id of another type is
	// written as canonical extended JSON, so that no two documents have the same target.
	// If documents have an _id of several types, give the type that intents use.
	IDs IDType
	// Fields has the rules of the fields whose new values are recorded, by path, such as
	// "title" or "author.email". A rule also applies to everything below its path,
	// except where a rule there is stricter. Elements of an array have the path of the
	// array, and a name with dots is matched as if it were nested. Fields without a rule
	// are not recorded.
	Fields map[string]diff.Rule
}

// collection is a validated Collection with its counters.
type collection struct {
	database, name string
	targetType     string
	namespaced     bool // another Collection stands for the target type
	ids            IDType
	fields         *fieldRules
	counters       counters
	logUntracked   sync.Once
}

// operations lists the operations that a signal can have.
var operations = [...]audit.Operation{audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete}

func newCollections(configs []Collection) ([]*collection, error) {
	if len(configs) == 0 {
		return nil, errors.New("no collections; pass at least one Collection")
	}
	type key struct{ database, name string }
	seen := make(map[key]bool, len(configs))
	types := make(map[string]bool, len(configs))
	collections := make([]*collection, 0, len(configs))
	var errs []error
	for i, config := range configs {
		c, err := newCollection(config)
		if k := (key{config.Database, config.Name}); seen[k] {
			err = errors.Join(err, errors.New("duplicate Database and Name"))
		} else {
			seen[k] = true
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("collection %d, %q: %w", i, config.Name, err))
		}
		c.namespaced = types[c.targetType]
		types[c.targetType] = true
		collections = append(collections, c)
	}
	return collections, errors.Join(errs...)
}

func newCollection(config Collection) (*collection, error) {
	var errs []error
	if config.Name == "" {
		errs = append(errs, errors.New("the name is empty"))
	}
	for _, op := range operations {
		if action := actionOf(config.TargetType, op); !record.ValidAction(record.NormalizeAction(action)) {
			errs = append(errs, fmt.Errorf("TargetType %q yields the invalid action %q; use a word such as \"article\"", config.TargetType, action))
			break
		}
	}
	if config.IDs > IDUUID {
		errs = append(errs, fmt.Errorf("IDs has the unknown value %d; use a constant such as IDObjectID", config.IDs))
	}
	fields, err := newFieldRules(config.Fields)
	errs = append(errs, err)
	return &collection{
		database: config.Database, name: config.Name, targetType: config.TargetType, ids: config.IDs, fields: fields,
	}, errors.Join(errs...)
}

func actionOf(targetType string, op audit.Operation) string { return targetType + "." + op.String() }
